#include "data/result_file.h"

#include "tests/data/data_support.h"
#include "tests/support/random.h"

namespace recon {
namespace {

using namespace testing_data;

class Results : public DataTest {};

SolverResults solver_example(const at::TensorOptions& options) {
  SolverResults results;
  results.solver = "dps";
  results.reconstructions = test::uniform({2, 1, 4, 5}, c10::typeMetaToScalarType(options.dtype()));
  results.std = test::uniform({2, 1, 4, 5}, at::kFloat);
  results.anomaly = test::uniform({2, 1, 4, 5}, at::kFloat);
  results.samples = test::uniform({2, 3, 1, 4, 5}, c10::typeMetaToScalarType(options.dtype()));
  results.metrics = {{"psnr", {INFINITY, 21.5}}, {"ssim", {1.0 / 3, std::nan("")}}};
  results.chi2 = {0.98, 1.01};
  results.status = {"finished", "stopped_early"};
  results.nfe_forward = {1000, 12};
  results.nfe_backward = {1000, std::int64_t{1} << 60};
  results.seconds = {1.25, 0};
  results.peak_mib = {300, 301};
  results.trace = {{"chi2", test::uniform({2, 10}, at::kDouble)}, {"step", at::arange(10)}};
  return results;
}

ResultSet example() {
  ResultSet set;
  set.ids = {"left", "zwölf"};
  set.range = {-1, 1};
  set.main = solver_example(at::kComplexFloat);
  set.baselines["tv"] = solver_example(at::kDouble);
  SolverResults bare;
  bare.solver = "adjoint";
  bare.reconstructions = test::uniform({2, 1, 4, 5});
  set.baselines["adjoint"] = bare;
  set.config = "solver: {type: dps}\n";
  set.operator_config = "type: blur\n";
  set.seed = ~std::uint64_t{0};
  set.versions = {{"recon", "0.1"}, {"libtorch", "2.11"}};
  set.prior = "priors/weights/natural_gray";
  set.prior_hash = "sha256:00";
  set.input = "m.h5";
  set.input_hash = "sha256:11";
  return set;
}

template <class T>
void expect_same(const std::vector<T>& a, const std::vector<T>& b) {
  if constexpr (std::is_same_v<T, double>) {
    EXPECT_TRUE(same_bits(at::tensor(a, at::kDouble), at::tensor(b, at::kDouble)));
  } else {
    EXPECT_EQ(a, b);
  }
}

void expect_same(const SolverResults& a, const SolverResults& b) {
  EXPECT_EQ(a.solver, b.solver);
  EXPECT_TRUE(same_bits(a.reconstructions, b.reconstructions));
  EXPECT_TRUE(same_bits(a.std, b.std));
  EXPECT_TRUE(same_bits(a.samples, b.samples));
  EXPECT_TRUE(same_bits(a.anomaly, b.anomaly));
  expect_same(a.chi2, b.chi2);
  expect_same(a.status, b.status);
  expect_same(a.nfe_forward, b.nfe_forward);
  expect_same(a.nfe_backward, b.nfe_backward);
  expect_same(a.seconds, b.seconds);
  expect_same(a.peak_mib, b.peak_mib);
  ASSERT_EQ(a.metrics.size(), b.metrics.size());
  for (const auto& [name, values] : a.metrics) expect_same(values, b.metrics.at(name));
  ASSERT_EQ(a.trace.size(), b.trace.size());
  for (const auto& [name, values] : a.trace) EXPECT_TRUE(same_bits(values, b.trace.at(name))) << name;
}

TEST_F(Results, ComeBackBitForBit) {
  const ResultSet set = example();
  write_result_file(path("r.h5"), set);
  EXPECT_EQ(files(), 1U);
  const ResultSet back = read_result_file(path("r.h5"));
  EXPECT_EQ(back.ids, set.ids);
  EXPECT_EQ(back.range, set.range);
  EXPECT_EQ(back.config, set.config);
  EXPECT_EQ(back.operator_config, set.operator_config);
  EXPECT_EQ(back.seed, set.seed);
  EXPECT_EQ(back.versions, set.versions);
  EXPECT_EQ(back.prior, set.prior);
  EXPECT_EQ(back.prior_hash, set.prior_hash);
  EXPECT_EQ(back.input, set.input);
  EXPECT_EQ(back.input_hash, set.input_hash);
  expect_same(back.main, set.main);
  ASSERT_EQ(back.baselines.size(), 2U);
  for (const auto& [name, baseline] : set.baselines) expect_same(back.baselines.at(name), baseline);
  EXPECT_EQ(hdf5_format(path("r.h5")), "recon-result");
}

TEST_F(Results, EqualResultsMakeEqualFiles) {
  const ResultSet set = example();
  write_result_file(path("a.h5"), set);
  write_result_file(path("b.h5"), set);
  EXPECT_EQ(file_bytes(path("a.h5")), file_bytes(path("b.h5")));
}

TEST_F(Results, TheWriterRefusesInconsistentResultsAndKeepsTheOldFile) {
  write_result_file(path("r.h5"), example());
  const std::string before = file_bytes(path("r.h5"));
  const auto expect = [&](const std::string& word, const auto& spoil) {
    ResultSet set = example();
    spoil(set);
    expect_error(ErrorKind::internal, {word}, [&] { write_result_file(path("r.h5"), set); });
    EXPECT_EQ(file_bytes(path("r.h5")), before);
    EXPECT_EQ(files(), 1U);
  };
  expect("chi2", [](ResultSet& set) { set.main.chi2 = {1}; });
  expect("status", [](ResultSet& set) { set.baselines["tv"].status.resize(3); });
  expect("psnr", [](ResultSet& set) { set.main.metrics["psnr"].clear(); });
  expect("reconstructions", [](ResultSet& set) { set.main.reconstructions = at::Tensor(); });
  expect("samples", [](ResultSet& set) { set.main.samples = test::uniform({3, 1, 4, 5}); });
}

/// As the program wrote it until version 2, by hand.
void write_version_1(const std::string& path) {
  auto file = hdf5::File::create(path);
  file.set_attribute("format", std::string("recon-result"));
  file.set_attribute("version", std::uint64_t{1});
  file.set_attribute("image_range", std::vector<double>{0, 1});
  for (const char* name : {"config", "operator", "prior", "prior_hash", "input", "input_hash"}) {
    file.set_attribute(name, std::string(name));
  }
  file.set_attribute("seed", std::uint64_t{7});
  file.set_attribute("solver", std::string("dps"));
  file.create_group("versions").set_attribute("recon", std::string("0.1.0"));
  file.write_strings("ids", {"a", "b"});
  file.write("reconstructions", at::ones({2, 1, 3, 3}));
  file.write("imagined", at::full({2, 1, 3, 3}, 0.5));
  auto metrics = file.create_group("metrics");
  metrics.write("imagined_share", at::tensor({0.25, 0.75}, at::kDouble));
  metrics.write("psnr", at::tensor({20.0, 21.0}, at::kDouble));
  file.create_group("trace");
  file.create_group("baselines");
  file.close();
}

TEST_F(Results, FilesOfVersion1AreReadUnderTodaysNames) {
  write_version_1(path("old.h5"));
  const auto expect = [](const SolverResults& results) {
    ASSERT_TRUE(results.prior_part.defined());
    EXPECT_EQ(results.metrics.at("prior_fraction").back(), 0.75);
    EXPECT_EQ(results.metrics.at("psnr").back(), 21);
    EXPECT_FALSE(results.metrics.contains("imagined_share"));
  };
  const ResultSet set = read_result_file(path("old.h5"));
  expect(set.main);
  EXPECT_EQ(set.main.prior_part.sum().item<double>(), 9);
  EXPECT_EQ(set.prior_hash, "prior_hash");
  const ResultFile file = ResultFile::open(path("old.h5"));
  expect(file.rows(1, 1));
  expect(file.figures());
  write_result_file(path("new.h5"), set);
  const auto written = hdf5::File::open(path("new.h5"));
  EXPECT_EQ(written.uint64_attribute("version"), 2U);
  EXPECT_TRUE(written.has("prior_part") && !written.has("imagined"));
  EXPECT_TRUE(written.group("metrics").has("prior_fraction"));
}

TEST_F(Results, FilesOfANewerVersionAreRefused) {
  auto file = hdf5::File::create(path("future.h5"));
  file.set_attribute("format", std::string("recon-result"));
  file.set_attribute("version", std::uint64_t{3});
  file.close();
  expect_data_error({"version 1 to 2", "got 3", "newer recon"}, [&] { read_result_file(path("future.h5")); });
}

TEST_F(Results, OtherFilesAreRefused) {
  expect_data_error({"recon-result", "recon-measurement"}, [] { read_result_file(golden + "h5py_measurement.h5"); });
  expect_data_error({"attribute format"}, [] { read_result_file(golden + "h5py_types.h5"); });
  EXPECT_EQ(hdf5_format(golden + "h5py_types.h5"), "");
}

}  // namespace
}  // namespace recon
