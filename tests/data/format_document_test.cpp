// The Python of data/FORMAT.md does what the page says. Needs a Python with h5py: python3, or $RECON_PYTHON.
#include <cstdlib>

#include "data/measurement_file.h"
#include "data/result_file.h"
#include "data/samples_file.h"
#include "tests/data/data_support.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

using namespace testing_data;

class FormatDocument : public DataTest {};

std::vector<std::string> python_blocks(const std::string& text) {
  const std::string open = "```python\n", close = "```";
  std::vector<std::string> blocks;
  for (auto begin = text.find(open); begin != std::string::npos; begin = text.find(open, begin)) {
    begin += open.size();
    const auto end = text.find(close, begin);
    blocks.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return blocks;
}

TEST_F(FormatDocument, ItsPythonBlocksWork) {
  const auto blocks = python_blocks(file_bytes(test::source_path("data/FORMAT.md")));
  ASSERT_EQ(blocks.size(), 4U);
  const char* chosen = std::getenv("RECON_PYTHON");
  const std::string python = chosen == nullptr ? "python3" : chosen;
  if (std::system((python + " -c 'import h5py' > /dev/null 2>&1").c_str()) != 0) {
    GTEST_SKIP() << python << " has no h5py; set RECON_PYTHON to one that has";
  }
  const auto run = [&](const std::string& block) {
    write_file_atomically(path("block.py"), block);
    return std::system(fmt::format("cd {} && {} block.py > printed", path(""), python).c_str());
  };
  ASSERT_EQ(run(blocks[0]), 0);
  const auto file = MeasurementFile::open(path("mine.h5"));
  EXPECT_EQ(file.measurement(), (TensorSpec{{1, 64, 64}, ScalarKind::real}));
  EXPECT_EQ(file.header().operator_arrays.at("kernel").sizes(), (at::IntArrayRef{5, 5}));
  EXPECT_EQ(file.item(0).noise_std, 0.02);
  EXPECT_EQ(run(blocks[1]), 0);

  ResultSet results;
  results.ids = {"zwölf"};
  results.config = "the config";
  results.main.solver = "adjoint";
  results.main.reconstructions = at::zeros({1, 1, 4, 4}, at::kComplexFloat);
  results.main.std = at::zeros({1, 1, 4, 4});
  results.main.chi2 = {1.25};
  write_result_file(path("result.h5"), results);
  ASSERT_EQ(run(blocks[2]), 0);
  EXPECT_EQ(file_bytes(path("printed")), "zwölf 1.25 the config\n");

  SampleSet samples;
  samples.samples = at::zeros({3, 1, 4, 4});
  samples.range = {-1, 1};
  samples.status.assign(3, "finished");
  samples.sampler = "ddim";
  samples.nfe = 50;
  write_samples_file(path("samples.h5"), samples);
  ASSERT_EQ(run(blocks[3]), 0);
  EXPECT_EQ(file_bytes(path("printed")), "(3, 1, 4, 4) ddim 50\n");
}

}  // namespace
}  // namespace recon
