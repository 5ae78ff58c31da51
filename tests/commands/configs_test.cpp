// Every config that is shipped runs: with few steps, but everything else as it is.
#include <set>

#include "data/measurement_file.h"
#include "recon/config/config.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> configs_of(const std::string& verb) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(test::source_path("configs")) / verb)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The options that make a solver quick.
std::string shortened(const std::string& key, const YamlNode& section) {
  const std::string type = section.find("type")->value->text;
  for (const char* walks :
       {"dps", "jfps", "diffpir", "pigdm", "plug_and_play", "posterior_denoiser", "diffusion_mbir", "diffusion_raar"}) {
    if (type == walks) return " --set " + key + ".steps=2";
  }
  for (const char* iterates : {"tv_pdhg", "tgv_pdhg", "wavelet_fista"}) {
    if (type == iterates) return " --set " + key + ".max_iterations=5";
  }
  if (type == "auto") return " --set " + key + ".type=diffpir --set " + key + ".steps=2";  // what it takes is not short
  if (type == "daps") return " --set " + key + ".steps=2 --set " + key + ".start=noise";   // not its long search
  if (type == "alternating_projections") return " --set " + key + ".iterations=5 --set " + key + ".settling=1";
  return "";
}

class ShippedConfig : public ProgramTest, public testing::WithParamInterface<std::string> {};
class CompareConfigs : public ShippedConfig {
 protected:
  enum class Items { all, first, first_shrunk };
  /// The config of the test's name in a folder, with all items of each task or the first; `first_shrunk` and volumes
  /// are half as wide.
  void compare(const std::string& folder, Items which) const {
    const fs::path file = fs::path(test::source_path(folder)) / (GetParam() + ".yaml");
    EXPECT_EQ(file_content(file).front(), '#');
    const Config config = Config::from_file(file);
    std::string options;
    const auto& solvers = config.root()->find("solvers")->value->items;
    for (std::size_t i = 0; i < solvers.size(); ++i) {
      options += shortened(fmt::format("solvers.{}", i), *solvers[i]);
      if (solvers[i]->find("samples") != nullptr) options += fmt::format(" --set solvers.{}.samples=2", i);
    }
    const auto& tasks = config.root()->find("tasks")->value->items;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const YamlEntry* simulate = tasks[i]->find("simulate");
      const bool volume = simulate != nullptr && simulate->value->find("volume") != nullptr;
      if (which != Items::all) options += fmt::format(" --set 'tasks.{}.items=[\"0\"]'", i);
      if (which == Items::first_shrunk || volume) options += fmt::format(" --set tasks.{}.simulate.shrink=2", i);
    }
    const Outputs got = recon("compare '" + file.string() + "' --json --allow-misfit --set output=compared" + options);
    ASSERT_EQ(got.exit_code, 0) << got.err;
    const auto json = got.json();
    for (const auto& row : json["rows"]) EXPECT_EQ(row.contains("error"), row["status"] == "not_applicable") << row;
    EXPECT_TRUE(fs::exists(path("compared/report.html")));
    EXPECT_TRUE(fs::exists(path("compared/results.csv")));
  }
};
class FieldConfigs : public CompareConfigs {};
class TwelveConfigs : public CompareConfigs {};
class RunConfigs : public ShippedConfig {};
class SimulateConfigs : public ShippedConfig {};
class TrainConfigs : public ShippedConfig {};
class SampleConfigs : public ShippedConfig {};
class BatchConfigs : public ShippedConfig {};
class CalibrateConfigs : public ShippedConfig {};

TEST_P(RunConfigs, Runs) {
  const fs::path file = fs::path(test::source_path("configs/run")) / (GetParam() + ".yaml");
  EXPECT_EQ(file_content(file).front(), '#') << "a config opens with a comment: what it shows, figures, time";
  const Config config = Config::from_file(file);
  std::string options = shortened("solver", *config.root()->find("solver")->value);
  if (const YamlEntry* baselines = config.root()->find("baselines")) {
    for (std::size_t i = 0; i < baselines->value->items.size(); ++i) {
      options += shortened(fmt::format("baselines.{}", i), *baselines->value->items[i]);
    }
  }
  if (config.root()->find("samples") != nullptr) options += " --set samples=2";
  const Outputs got = recon("run '" + file.string() + "' --json --allow-misfit" + options);
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_TRUE(fs::exists(path(got.json()["output"].get<std::string>())));
  const YamlEntry* preview = config.root()->find("preview");
  EXPECT_TRUE(preview == nullptr || fs::exists(path(preview->value->text)));
}

/// The shipped measurement files are what the configs make.
TEST_P(SimulateConfigs, MakesTheShippedFile) {
  const fs::path file = fs::path(test::source_path("configs/simulate")) / (GetParam() + ".yaml");
  EXPECT_EQ(file_content(file).front(), '#');
  const Outputs got = recon("simulate '" + file.string() + "' --json --set output=made.h5");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto shipped = fs::path(test::source_path()) / Config::from_file(file).root()->find("output")->value->text;
  const MeasurementFile made = MeasurementFile::open(path("made.h5").string());
  const MeasurementFile there = MeasurementFile::open(shipped.string());
  EXPECT_EQ(made.ids(), there.ids());
  EXPECT_EQ(made.header().operator_config, there.header().operator_config);
  EXPECT_EQ(made.header().noise, there.header().noise);
  EXPECT_EQ(made.has_ground_truth(), there.has_ground_truth());
  // Another FFT plan or libm may round differently: single precision, values of order 1.
  EXPECT_LT((made.item(0).y - there.item(0).y).abs().max().item<double>(), 1e-5);
}

/// Two steps on shipped pictures: the image sets of some configs are not part of the project.
TEST_P(TrainConfigs, Runs) {
  const fs::path file = fs::path(test::source_path("configs/train")) / (GetParam() + ".yaml");
  EXPECT_EQ(file_content(file).front(), '#');
  const std::string photograph = (fs::path(test::source_path("data/samples/photograph.png"))).string();
  std::string options = " --set images='" + photograph + "' --set validation='" + photograph +
                        "' --set output=trained --set training.steps=2 --set training.batch=2 --set training.crop=32"
                        " --set training.validation_levels=2 --set training.validation_images=1 --set attribution=";
  if (Config::from_file(file).root()->find("init") != nullptr) options += " --set init=natural_gray";
  if (Config::from_file(file).root()->find("from_measurements") != nullptr) {
    options =
        " --set output=trained --set training.steps=2 --set training.batch=2 --set training.validation_levels=2"
        " --set from_measurements.rounds=1 --set from_measurements.gaussian_rounds=1"
        " --set from_measurements.items=[0,1,2] --set from_measurements.solver.steps=2";
  }
  const Outputs got = recon("train '" + file.string() + "' --json" + options);
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(recon("inspect trained/ --json").exit_code, 0);
}

TEST_P(BatchConfigs, Runs) {
  const fs::path file = fs::path(test::source_path("configs/batch")) / (GetParam() + ".yaml");
  EXPECT_EQ(file_content(file).front(), '#');
  const Config config = Config::from_file(file);
  const Outputs got = recon("batch '" + file.string() + "' -q --allow-misfit" +
                            shortened("solver", *config.root()->find("solver")->value));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  for (const auto& written : config.root()->find("output")->value->entries) {
    if (written.key == "path" || written.key == "csv" || written.key == "contact_sheet") {
      EXPECT_TRUE(fs::exists(path(written.value->text))) << written.key;
    }
  }
}

/// On nine small draws, which are enough for bounds of quality.
TEST_P(CalibrateConfigs, Runs) {
  const fs::path file = fs::path(test::source_path("configs/calibrate")) / (GetParam() + ".yaml");
  EXPECT_EQ(file_content(file).front(), '#');
  const std::string draws = fs::path(test::source_path("configs/sample/natural_gray.yaml")).string();
  ASSERT_EQ(recon("sample '" + draws +
                  "' --threads 1 --set sampler.steps=2 --set samples=9 --set size=[16,16] "
                  "--set output=draws.h5")
                .exit_code,
            0);
  const Outputs got = recon("calibrate '" + file.string() +
                            "' --threads 1 --json --set solver.steps=2 --set samples=2 "
                            "--set 'input.simulate.images=draws.h5:/samples'");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(recon("inspect " + got.json()["output"].get<std::string>() + " --json").json()["images"], 9);
}

TEST_P(SampleConfigs, Draws) {
  const fs::path file = fs::path(test::source_path("configs/sample")) / (GetParam() + ".yaml");
  EXPECT_EQ(file_content(file).front(), '#');
  const Outputs got =
      recon("sample '" + file.string() + "' --json --set sampler.steps=2 --set samples=2 --set size=[16,16]");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  for (const char* written : {"output", "grid", "trajectory"}) {
    const auto name = got.json()[written];
    EXPECT_TRUE(name.is_null() || fs::exists(path(name.get<std::string>()))) << written;
  }
}

TEST_P(CompareConfigs, Compares) { compare("configs/compare", Items::all); }

TEST_P(FieldConfigs, Compares) { compare("configs/compare/field", Items::first_shrunk); }
TEST_P(TwelveConfigs, Compares) { compare("configs/compare/twelve", Items::first); }

const auto by_name = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(All, BatchConfigs, testing::ValuesIn(configs_of("batch")), by_name);
INSTANTIATE_TEST_SUITE_P(All, CalibrateConfigs, testing::ValuesIn(configs_of("calibrate")), by_name);
INSTANTIATE_TEST_SUITE_P(All, CompareConfigs, testing::ValuesIn(configs_of("compare")), by_name);
INSTANTIATE_TEST_SUITE_P(All, FieldConfigs, testing::ValuesIn(configs_of("compare/field")), by_name);
INSTANTIATE_TEST_SUITE_P(All, TwelveConfigs, testing::ValuesIn(configs_of("compare/twelve")), by_name);
INSTANTIATE_TEST_SUITE_P(All, RunConfigs, testing::ValuesIn(configs_of("run")), by_name);
INSTANTIATE_TEST_SUITE_P(All, SampleConfigs, testing::ValuesIn(configs_of("sample")), by_name);
INSTANTIATE_TEST_SUITE_P(All, SimulateConfigs, testing::ValuesIn(configs_of("simulate")), by_name);
INSTANTIATE_TEST_SUITE_P(All, TrainConfigs, testing::ValuesIn(configs_of("train")), by_name);

}  // namespace
}  // namespace recon
