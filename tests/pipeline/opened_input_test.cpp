// The `input` of a config: which files it names, what their items are called, and what is said when it is wrong.
#include "recon/pipeline/items/opened_input.h"

#include <ATen/ATen.h>

#include "data/content_hash.h"
#include "recon/config/config.h"
#include "recon/pipeline/items/file_pool.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class BatchInputs : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = test::scratch_folder(); }
  void TearDown() override { fs::remove_all(folder_); }

  /// A measurement file with `count` items of the constant images value, value + 1, ...
  void write(const std::string& name, std::int64_t count, double value, std::int64_t size = 2) {
    MeasurementSet set;
    set.header.image = {{1, size, size}, ScalarKind::real};
    set.header.operator_config = "type: identity\n";
    const at::Tensor values = at::arange(count, at::kFloat).add(value);
    set.y = values.reshape({count, 1, 1, 1}).expand({count, 1, size, size}).contiguous();
    fs::create_directories((folder_ / name).parent_path());
    write_measurement_file((folder_ / name).string(), set);
  }

  std::vector<OpenedInput> open(const std::string& input) const {
    const auto root = Config::from_text("input: " + input + "\n", "batch.yaml", folder_).root();
    return open_inputs(read_input_plan(root->find("input")->value), {});
  }

  std::vector<std::string> ids(const std::string& input) const {
    std::vector<std::string> all;
    for (const auto& opened : open(input)) {
      all.insert(all.end(), opened.source.ids().begin(), opened.source.ids().end());
    }
    return all;
  }

  std::string complaint(const std::string& input) {
    try {
      open(input);
    } catch (const Error& error) {
      kind_ = error.kind();
      return error.what();
    }
    return "";
  }

  fs::path folder_;
  ErrorKind kind_ = ErrorKind::internal;  ///< of the last complaint
};

using Ids = std::vector<std::string>;

TEST_F(BatchInputs, OneFileKeepsItsIds) {
  write("a.h5", 2, 0);
  const auto inputs = open("a.h5");
  ASSERT_EQ(inputs.size(), 1U);
  EXPECT_EQ(inputs[0].name, "a");
  EXPECT_EQ(inputs[0].hash, content_hash_of_file((folder_ / "a.h5").string()));
  EXPECT_EQ(inputs[0].source.ids(), (Ids{"0", "1"}));
}

TEST_F(BatchInputs, SeveralFilesAreSortedPerPatternAndTheirIdsDiffer) {
  for (const std::string name : {"b.h5", "a.h5", "c.h5"}) write("week/" + name, 2, name[0]);
  write("z.h5", 1, 0);
  EXPECT_EQ(ids("[z.h5, \"week/*.h5\"]"), (Ids{"z/0", "a/0", "a/1", "b/0", "b/1", "c/0", "c/1"}));
  EXPECT_EQ(ids("{files: \"week/[ab].h5\"}"), (Ids{"a/0", "a/1", "b/0", "b/1"}));
  auto inputs = open("\"week/?.h5\"");
  const PreparedItem item = inputs[1].source.prepare(1, c10::kCPU);
  EXPECT_EQ(item.id, "b/1");
  EXPECT_EQ(item.y.max().item<double>(), 'b' + 1.0);
}

TEST_F(BatchInputs, FilesThatStateOneOperatorShareIt) {
  write("a.h5", 1, 0);
  write("b.h5", 1, 5);
  write("c.h5", 1, 0, 3);
  auto inputs = open("[a.h5, b.h5, c.h5]");
  const auto item = [&](std::size_t input) { return inputs[input].source.prepare(0, c10::kCPU); };
  const PreparedItem b = item(1);  // the order of reading does not matter
  EXPECT_EQ(b.op, item(0).op);
  EXPECT_EQ(b.y.max().item<double>(), 5);
  EXPECT_EQ(item(2).op->domain().shape, (Shape{1, 3, 3})) << "the same words, but other images";
}

TEST_F(BatchInputs, EqualStemsAreToldApart) {
  for (const std::string name : {"x/a.h5", "y/a.h5", "x/b.h5", "x/b.hdf5"}) write(name, 1, 0);
  EXPECT_EQ(ids("[x/b.h5, x/b.hdf5]"), (Ids{"b.h5/0", "b.hdf5/0"}));
  EXPECT_EQ(ids("\"*/a.h5\""), (Ids{"x/a.h5/0", "y/a.h5/0"}));
}

TEST_F(BatchInputs, AFileWithPatternCharactersInItsNameIsThatFile) {
  write("run[1].h5", 1, 0);
  EXPECT_EQ(open("\"run[1].h5\"").at(0).name, "run[1]");
}

TEST_F(BatchInputs, ManyFilesAreReadWithAFewOpen) {
  int opened = 0;
  FilePool<std::string> pool([&](const std::string& path) {
    ++opened;
    return "content of " + path;
  });
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 16; ++i) EXPECT_EQ(*pool.get(std::to_string(i)), fmt::format("content of {}", i));
  }
  EXPECT_EQ(opened, 16);
  pool.get("another");  // takes the place of 0, the one read longest ago
  pool.get("1");
  EXPECT_EQ(opened, 17);
  pool.get("0");
  EXPECT_EQ(opened, 18);
}

TEST_F(BatchInputs, AllDamagedFilesAreFoundAtOnce) {
  for (const std::string name : {"a.h5", "b.h5", "c.h5", "d.h5"}) write(name, 1, 0);
  for (const std::string name : {"b.h5", "d.h5"}) fs::resize_file(folder_ / name, 100);
  test::expect_says(complaint("\"*.h5\""), {"batch.yaml:1", "2 of 4 input files", "b.h5", "leave them out"});
  EXPECT_EQ(kind_, ErrorKind::data);
}

TEST_F(BatchInputs, WrongListsAreRefusedWithTheirPlace) {
  write("a.h5", 1, 0);
  test::expect_says(complaint("\"none/*.h5\""), {"batch.yaml:1", "no file matches", "none/*.h5"});
  EXPECT_EQ(kind_, ErrorKind::usage);
  test::expect_says(complaint("b.h5"), {"batch.yaml:1", "no such file", "b.h5"});
  EXPECT_EQ(kind_, ErrorKind::data);
  test::expect_says(complaint("."), {"is a folder", "*.h5"});
  test::expect_says(complaint("[]"), {"at least one file"});
  test::expect_says(complaint("[a.h5, \"*.h5\"]"), {"a.h5", "twice"});
  test::expect_says(complaint("{format: fastmri}"), {"`files`", "simulate"});
}

}  // namespace
}  // namespace recon
