// The section `input` as it is written: what it means, and which keys do not go together. Opening is in
// opened_input_test.cpp and external_input_test.cpp.
#include "recon/pipeline/items/input_plan.h"

#include "recon/config/config.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

using Indices = std::vector<std::int64_t>;

InputPlan plan_of(const std::string& input) {
  return read_input_plan(Config::from_text("input: " + input + "\n", "c.yaml").root()->find("input")->value);
}

std::string usage_of(const std::string& input) {
  try {
    plan_of(input);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage) << input;
    return error.what();
  }
  return "";
}

TEST(InputPlans, ATextOrAListIsMeasurementFiles) {
  const InputPlan one = plan_of("week/monday.h5");
  EXPECT_EQ(one.name, "monday");
  EXPECT_EQ(one.options.format, "auto");
  EXPECT_EQ(one.format, nullptr);
  EXPECT_FALSE(one.simulation.has_value());
  EXPECT_EQ(plan_of("[a.h5, b.h5]").name, "a");
  EXPECT_EQ(plan_of("{files: [x/c.h5, b.h5]}").name, "c");
}

TEST(InputPlans, SlicesAreThoseOfNumpy) {
  const auto slices = [](const std::string& text) {
    return plan_of("{files: f.h5, format: fastmri, slices: \"" + text + "\", noise: {std: 1}}").slices.of(6);
  };
  EXPECT_EQ(slices("2:4"), (Indices{2, 3}));
  EXPECT_EQ(slices(":2"), (Indices{0, 1}));
  EXPECT_EQ(slices("-2:"), (Indices{4, 5}));
  EXPECT_EQ(slices(":-4"), (Indices{0, 1}));
  EXPECT_EQ(slices("4:99"), (Indices{4, 5}));
  EXPECT_EQ(slices("5:2"), Indices{});
  for (const char* wrong : {"3", "a:b", "1:2:3", "1.5:3"}) {
    test::expect_says(usage_of(std::string("{files: f.h5, format: fastmri, slices: \"") + wrong + "\"}"),
                      {"c.yaml:1", "FIRST:END", wrong});
  }
}

TEST(InputPlans, ScaleIsANumberOrAuto) {
  const auto plan = [](const std::string& scale) {
    return plan_of("{files: f.h5, format: fastmri, scale: " + scale + "}");
  };
  EXPECT_EQ(plan("2.5").numbers.scale, 2.5);
  EXPECT_EQ(plan("-1e-3").numbers.scale, -1e-3);
  EXPECT_TRUE(plan("auto").brightest_is_one);
  EXPECT_FALSE(plan("auto").numbers.scale.has_value());
  for (const char* wrong : {"0", "many", "inf", "1 2"}) {
    test::expect_says(usage_of(std::string("{files: f.h5, format: fastmri, scale: \"") + wrong + "\"}"), {"c.yaml:1"});
  }
}

TEST(InputPlans, NoiseIsOneTypeWithItsOwnFigures) {
  const auto noise = [](const std::string& section) {
    return *plan_of("{files: f.h5, format: fastmri, noise: " + section + "}").noise;
  };
  EXPECT_EQ(noise("{std: 0.5}"), (Noise{.type = NoiseType::gaussian, .std = {0.5}, .peak = 0}));
  EXPECT_EQ(noise("{type: poisson, peak: 9}"), (Noise{.type = NoiseType::poisson, .std = {}, .peak = 9}));
  EXPECT_EQ(noise("{type: poisson_gaussian, peak: 9, std: 2}"),
            (Noise{.type = NoiseType::poisson_gaussian, .std = {2}, .peak = 9}));
  EXPECT_EQ(noise("{type: none}"), Noise{});
  EXPECT_FALSE(plan_of("{files: f.h5, format: fastmri}").noise.has_value());
}

TEST(InputPlans, KeysThatDoNotGoTogetherAreRefusedAtTheirPlace) {
  test::expect_says(usage_of("{files: m.h5, scale: auto}"), {"c.yaml:1", "says this itself", "`format`"});
  test::expect_says(usage_of("{files: m.h5, noise: {std: 1}}"), {"says this itself"});
  test::expect_says(usage_of("{files: f.h5, format: fastmri, dataset: x}"), {"belongs to `format: dataset`"});
  test::expect_says(usage_of("{files: f.h5, format: dataset, crop: [1, 1]}"), {"belongs to `format: fastmri`"});
  test::expect_says(usage_of("{files: m.h5, format: measurement, offset: 1}"), {"offset", "measurement file says this itself"});
  test::expect_says(usage_of("{files: f.h5, format: fastMRI}"), {"one of auto, measurement", "'fastMRI'"});
  test::expect_says(usage_of("{files: f.h5, format: dataset}"), {"`dataset` is missing"});
  test::expect_says(usage_of("{files: f.h5, format: dataset, dataset: x}"), {"`operator` is missing"});
  test::expect_says(usage_of("{files: f.h5, format: fastmri, image_range: [1, 1]}"), {"low < high"});
  test::expect_says(usage_of("{format: fastmri}"), {"either `files` or one section `simulate`"});
  test::expect_says(usage_of("{files: a.h5, nonsense: 1}"), {"nonsense"});
}

TEST(InputPlans, ASimulationKeepsItsSeedAndStoresWhatItIs) {
  const InputPlan plan =
      plan_of("{simulate: {images: phantom:shepp_logan:16, operator: {type: blur}, noise: {std: 0.1}, seed: 5}}");
  ASSERT_TRUE(plan.simulation.has_value());
  EXPECT_EQ(plan.simulation->options.seed, 5);
  EXPECT_EQ(plan.simulation->noise.std, std::vector<double>{0.1});
  EXPECT_EQ(plan.name, "simulated");
  EXPECT_EQ(plan.resolved["simulate"]["seed"], 5);
  EXPECT_TRUE(plan.find_files().empty());
  EXPECT_EQ(plan_of("{simulate: {images: phantom:shepp_logan:16, operator: {type: blur}}}").simulation->noise,
            (Noise{.type = NoiseType::gaussian, .std = {0.05}, .peak = 0}));
}

}  // namespace
}  // namespace recon
