// Everything of a prior's folder but the weights: prior.yaml, the scheduler's config, and what load_prior makes of
// them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "priors/checkpoints/prior_card.h"
#include "priors/checkpoints/scheduler_config.h"
#include "priors/load_prior.h"
#include "recon/core/error.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecords = fs::path(test::source_path("tests/golden/unet2d"));

PriorCard card(const std::string& text) {
  const fs::path path = test::scratch_folder() / "prior.yaml";
  test::write_text(path, text);
  return read_prior_card(path);
}

TEST(PriorCard, ReadsEveryKey) {
  const PriorCard read = card(R"(
name: test
description: a card
format: diffusers_unet2d
prediction: v
schedule: vp_cosine
time_input: relative_sigma
time_scale: 1000
input_scaling: edm
sigma_data: 0.25
value_range: [0, 255]
channels: 3
channel_order: bgr
symmetry: square
space_to_depth: 2
size: [32, 64]
multiple: 16
max_relative_sigma: 12.5
training_data: none
licence: CC0
attribution: photographers.csv
denoising_mse: [[0.1, 1e-3], [1, 0.02]]
)");
  EXPECT_EQ(read.name, "test");
  EXPECT_EQ(read.prediction, Prediction::v);
  EXPECT_EQ(read.schedule->name(), "vp_cosine");
  EXPECT_EQ(read.time_input, TimeInput::relative_sigma);
  EXPECT_EQ(read.time_scale, 1000);
  EXPECT_EQ(read.input_scaling, InputScaling::edm);
  EXPECT_EQ(read.sigma_data, 0.25);
  EXPECT_EQ(read.value_range, (std::pair<double, double>(0, 255)));
  EXPECT_EQ(read.channels, 3);
  EXPECT_TRUE(read.bgr);
  EXPECT_FALSE(card("channel_order: rgb").bgr);
  EXPECT_EQ(read.symmetry, ImageSymmetry::square);
  EXPECT_EQ(card("name: plain").symmetry, ImageSymmetry::none);
  EXPECT_EQ(read.space_to_depth, 2);
  EXPECT_EQ(read.fixed_size, (std::vector<std::int64_t>{32, 64}));
  EXPECT_EQ(read.multiple, 16);
  EXPECT_EQ(read.max_relative_sigma, 12.5);
  ASSERT_EQ(read.denoising_mse.size(), 2U);
  EXPECT_EQ(read.denoising_mse[1].second, 0.02);
  EXPECT_EQ(read.licence, "CC0");
  EXPECT_EQ(read.attribution, "photographers.csv");
  EXPECT_TRUE(card("size: any").any_size);
  EXPECT_EQ(card("size: 64").fixed_size, (std::vector<std::int64_t>{64, 64}));
  EXPECT_FALSE(card("schedule: from_scheduler").schedule.has_value());
}

TEST(PriorCard, WritesEveryProcessWithItsParameters) {
  for (const char* name : {"vp_linear", "vp_scaled_linear", "vp_cosine", "vp_sigmoid", "vp_sigmoid_beta",
                           "vp_continuous", "cosine_continuous", "ve_geometric", "edm_rho", "flow"}) {
    EXPECT_EQ(card(std::string("schedule: ") + name).schedule->name(), name);
    EXPECT_EQ(card(std::string("schedule: {type: ") + name + "}").schedule->name(), name);
  }
  const auto at = [](const std::string& text, double t) { return card("schedule: " + text).schedule->at(t); };
  EXPECT_NEAR(at("{type: vp_linear, timesteps: 3, beta_start: 0.1, beta_end: 0.3}", 2).alpha_bar(), 0.9 * 0.8 * 0.7,
              1e-15);
  EXPECT_NEAR(at("{type: vp_scaled_linear, timesteps: 2, beta_start: 0.04, beta_end: 0.25}", 1).alpha_bar(),
              0.96 * 0.75, 1e-15);
  EXPECT_EQ(card("schedule: {type: vp_cosine, timesteps: 50}").schedule->max_time(), 49);
  // Two steps along 1 / (1 + exp(-x)) from 1/2 at 0 to 3/4 at ln 3.
  EXPECT_NEAR(at("{type: vp_sigmoid, timesteps: 2, start: 0, end: 1.0986122886681098}", 0).alpha_bar(),
              (0.75 - std::sqrt(3) / (1 + std::sqrt(3))) / 0.25, 1e-14);
  EXPECT_NEAR(at("{type: vp_sigmoid_beta, timesteps: 3, beta_start: 0.1, beta_end: 0.3}", 1).alpha_bar(),
              (1 - std::lerp(0.1, 0.3, 1 / (1 + std::exp(6)))) * 0.8, 1e-14);
  EXPECT_NEAR(at("{type: tabulated, betas: [0.1, 0.2]}", 1).alpha_bar(), 0.72, 1e-15);
  EXPECT_NEAR(at("{type: tabulated, alpha_bar: [0.9, 0.4]}", 1).alpha_bar(), 0.4, 1e-15);
  EXPECT_NEAR(at("{type: vp_continuous, beta_min: 1, beta_max: 3}", 1).alpha, std::exp(-1), 1e-15);
  EXPECT_NEAR(at("{type: cosine_continuous, offset: 0}", 0.5).alpha, std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(at("{type: ve_geometric, sigma_min: 0.1, sigma_max: 10}", 0.5).sigma, 1, 1e-14);
  EXPECT_NEAR(at("{type: edm_rho, sigma_min: 1, sigma_max: 9, rho: 2}", 0.5).sigma, 4, 1e-14);
}

TEST(PriorCard, SaysWhereAndWhat) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> faults{
      {"name: a\nchanels: 1\n", {":2", "'chanels'", "channels"}},
      {"name: a\nchannels: 1\nname: b\n", {":3", "'name'", "twice"}},
      {"name: a\nvalue_range: [-1, 1\n", {"prior.yaml:", "YAML"}},
      {"- a list\n", {"prior.yaml", "key: value"}},
      {"value_range: [1, -1]", {":1", "low < high"}},
      {"value_range: [-1, 0, 1]", {":1", "[low, high]"}},
      {"value_range: [-1, .inf]", {":1", "a number"}},
      {"channels: two", {":1", "'channels'", "whole number", "two"}},
      {"channels: 0", {":1", "1..65536"}},
      {"channels: 1.5", {":1", "whole number"}},
      {"prediction: noise", {":1", "'prediction'", "epsilon"}},
      {"schedule: cosine", {":1", "'schedule'", "unknown schedule 'cosine'"}},
      {"schedule: vp_cosin", {":1", "vp_cosine"}},
      {"schedule: [vp_linear]", {":1", "'schedule'", "a word"}},
      {"schedule:\n  timesteps: 10\n", {":1", "type"}},
      {"schedule:\n  type: edm_rho\n  sigma_mx: 3\n", {":3", "'sigma_mx'", "sigma_min, sigma_max, rho"}},
      {"schedule:\n  type: edm_rho\n  type: flow\n", {":3", "'type'", "twice"}},
      {"schedule: {type: vp_linear, timesteps: 0}", {":1", "'timesteps'", "1..1000000"}},
      {"schedule: {type: vp_linear, beta_start: 0}", {":1", "'beta_start'", "above 0"}},
      {"schedule: {type: vp_linear, beta_end: 1.5}", {":1", "'schedule'", "every beta between 0 and 1"}},
      {"schedule: {type: ve_geometric, sigma_min: 60}", {":1", "'schedule'", "sigma_min < sigma_max"}},
      {"schedule: {type: flow, shift: 3}", {":1", "'shift'", "unknown key"}},
      {"schedule: tabulated", {":1", "betas", "neither"}},
      {"schedule: {type: tabulated, betas: [0.1, two]}", {":1", "'betas'", "two"}},
      {"time_input: sigma", {":1", "relative_sigma"}},
      {"time_input: 3", {":1", "timestep, reversed_timestep, relative_sigma, edm_noise", "'3'"}},
      {"time_scale: 0", {":1", "positive"}},
      {"input_scaling: vp", {":1", "'input_scaling'", "one of process, edm"}},
      {"sigma_data: -1", {":1", "positive"}},
      {"symmetry: rotation", {":1", "'symmetry'", "one of none, mirror, square", "rotation"}},
      {"size: small", {":1", "'size'"}},
      {"format: onnx", {":1", "diffusers_unet2d"}},
      {"max_relative_sigma: -3", {":1", "positive"}},
      {"denoising_mse: [[1, 0.1], [0.5, 0.1]]", {":1", "increasing"}},
      {"denoising_mse: [[1, nan]]", {":1", "positive"}},
      {"denoising_mse: [1, 2]", {":1", "[relative sigma, mean squared error]"}},
      {"power_spectrum: [[0.1, 2], [0.1, 1]]", {":1", "[cycles per pixel, power]", "increasing"}},
      {"power_spectrum: [[0, 2]]", {":1", "positive"}},
      {"name:", {":1", "'name'", "a text"}},
  };
  for (const auto& [text, words] : faults) test::expect_says(test::complaint([&] { card(text); }), words);
}

SchedulerConfig scheduler(const std::string& changes) {
  nlohmann::json config = {{"_class_name", "DDPMScheduler"}, {"num_train_timesteps", 1000}};
  config.update(nlohmann::json::parse(changes));
  return parse_scheduler_config(config, "scheduler_config.json");
}

TEST(SchedulerConfig, ReadsTheSchedulesOfDiffusers) {
  // alphas_cumprod[500] of DDPMScheduler (diffusers 0.42), which computes in float32: 5e-5 relative, FIELD.md D4.
  const auto alpha_bar = [](const std::string& changes) { return scheduler(changes).schedule.at(500).alpha_bar(); };
  EXPECT_NEAR(alpha_bar("{}") / 0.077796653, 1, 5e-5);
  EXPECT_NEAR(alpha_bar(R"({"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012})") / 0.27633247,
              1, 5e-5);
  EXPECT_NEAR(alpha_bar(R"({"beta_schedule": "sigmoid"})") / 0.29888758, 1, 5e-5);
  EXPECT_NEAR(alpha_bar(R"({"beta_schedule": "squaredcos_cap_v2"})") / 0.49228504, 1, 5e-5);
  EXPECT_NEAR(scheduler(R"({"num_train_timesteps": 2, "trained_betas": [0.1, 0.2]})").schedule.at(1).alpha_bar(), 0.72,
              1e-12);
  EXPECT_EQ(scheduler("{}").prediction, Prediction::epsilon);
  EXPECT_EQ(scheduler(R"({"prediction_type": "sample"})").prediction, Prediction::x0);
  EXPECT_EQ(scheduler(R"({"prediction_type": "v_prediction"})").prediction, Prediction::v);
  EXPECT_TRUE(scheduler(R"({"variance_type": "learned_range"})").learned_variance);
  EXPECT_EQ(scheduler(R"({"clip_sample": true, "clip_sample_range": 2.0})").clip_sample_range, 2);
  EXPECT_FALSE(scheduler(R"({"clip_sample": false})").clip_sample_range.has_value());
  EXPECT_FALSE(scheduler("{}").clip_sample_range.has_value());
}

TEST(SchedulerConfig, ReadsAFileOfASamplerWithPythonsInfinity) {
  const SchedulerConfig read =
      read_scheduler_config(test::source_path("tests/golden/field_cases/dpmsolver_scheduler_config.json"));
  EXPECT_EQ(read.prediction, Prediction::epsilon);
  EXPECT_FALSE(read.learned_variance);
  EXPECT_EQ(read.schedule.at(500).alpha_bar(), scheduler("{}").schedule.at(500).alpha_bar());
  for (const char* name : {"PNDMScheduler", "EulerDiscreteScheduler", "UniPCMultistepScheduler"}) {
    EXPECT_NEAR(scheduler(fmt::format(R"({{"_class_name": "{}", "use_karras_sigmas": true}})", name))
                    .schedule.at(500)
                    .alpha_bar(),
                0.077796653, 4e-6);
  }
  const auto said = [](const char* changes) { return test::complaint([&] { scheduler(changes); }); };
  test::expect_says(said(R"({"_class_name": "EulerDiscreteScheduler", "timestep_type": "continuous"})"),
                    {"continuous"});
  test::expect_says(said(R"({"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true})"),
                    {"use_flow_sigmas"});
}

SchedulerConfig score_scheduler(const std::string& changes) {
  nlohmann::json config = {{"_class_name", "ScoreSdeVeScheduler"}, {"snr", 0.075}, {"tensor_format", "pt"}};
  config.update(nlohmann::json::parse(changes));
  return parse_scheduler_config(config, "scheduler_config.json");
}

TEST(SchedulerConfig, ReadsTheScoreSde) {
  // sigma = sigma_min (sigma_max / sigma_min)^t, Song et al. 2021, appendix C; the defaults are those of diffusers.
  const SchedulerConfig read = score_scheduler(R"({"sigma_min": 0.1, "sigma_max": 10, "correct_steps": 2})");
  EXPECT_EQ(read.prediction, Prediction::score);
  EXPECT_TRUE(read.conditioned_on_noise_level);
  EXPECT_EQ(read.schedule.name(), "ve_geometric");
  EXPECT_NEAR(read.schedule.at(0.5).sigma, 1, 1e-14);
  EXPECT_NEAR(score_scheduler("{}").schedule.at(0).sigma, 0.01, 1e-15);
  EXPECT_NEAR(score_scheduler("{}").schedule.at(1).sigma, 1348, 1e-9);
  test::expect_says(test::complaint([] { score_scheduler(R"({"sigma_max": 0.001})"); }),
                    {"scheduler_config.json", "sigma_min < sigma_max", "0.001"});
  test::expect_says(test::complaint([] { score_scheduler(R"({"beta_start": 0.001})"); }), {"beta_start"});
}

TEST(SchedulerConfig, RefusesByName) {
  const std::vector<std::pair<const char*, const char*>> refused{
      {R"({"_class_name": "FlowMatchEulerDiscreteScheduler"})", "FlowMatchEulerDiscreteScheduler"},
      {R"({"beta_schedule": "laplace"})", "laplace"},
      {R"({"prediction_type": "flow_prediction"})", "flow_prediction"},
      {R"({"rescale_betas_zero_snr": true})", "rescale_betas_zero_snr"},
      {R"({"trained_betas": [0.1, 0.2]})", "trained_betas"},
      {R"({"trained_betas": "many"})", "trained_betas"},
      {R"({"num_train_timesteps": 0})", "num_train_timesteps"},
      {R"({"num_train_timesteps": 99999999999})", "num_train_timesteps"},
      {R"({"num_train_timesteps": 2, "trained_betas": [0.1, 1.5]})", "noise schedule"},
      {R"({"variance_type": "other"})", "variance_type"},
      {R"({"beta_start": "small"})", "beta_start"},
      {R"({"use_karras_sigmas": true})", "use_karras_sigmas"},
  };
  for (const auto& [changes, name] : refused) {
    const std::string said = test::complaint([&] { scheduler(changes); });
    EXPECT_NE(said.find(name), std::string::npos) << changes << " -> " << said;
  }
}

TEST(LoadPrior, ReadsBothLayoutsAndWhatTheCardOmits) {
  const PriorPtr pipeline = load_prior((kRecords / "resnet_sampling").string());
  EXPECT_EQ(pipeline->name(), "resnet_sampling");
  EXPECT_EQ(pipeline->schedule().name(), "vp_scaled_linear");
  EXPECT_EQ(pipeline->domain().low, -1);
  EXPECT_EQ(pipeline->domain().fixed_size, (std::vector<std::int64_t>{16, 16}));
  EXPECT_EQ(inspect_prior((kRecords / "resnet_sampling").string()).description.prediction, Prediction::v);
  const PriorPtr flat = load_prior((kRecords / "one_head_padding0").string());
  EXPECT_EQ(flat->domain().channels, 4);
  EXPECT_EQ(flat->domain().multiple, 2);
}

// A folder of diffusers' ScoreSdeVePipeline needs no card: x_0 = x + sigma² score(x, sigma), images in [0, 1].
TEST(LoadPrior, ReadsTheScoreSdePipeline) {
  const PriorPtr prior = load_prior((kRecords / "skip_ncsnpp").string());
  EXPECT_EQ(prior->domain().low, 0);
  EXPECT_EQ(prior->domain().high, 1);
  EXPECT_EQ(prior->schedule().name(), "ve_geometric");
  EXPECT_EQ(prior->max_relative_sigma(), 348);
  const auto* const network_prior = dynamic_cast<const NetworkPrior*>(prior.get());
  ASSERT_NE(network_prior, nullptr);
  const double sigma = 1.7;
  const at::Tensor x = at::linspace(-3, 3, 3 * 64, at::kFloat).reshape({1, 3, 8, 8});
  const at::Tensor expected = x + sigma * sigma * network_prior->network().forward(x, at::full({1}, sigma));
  const at::Tensor denoised = prior->denoise(x, {.alpha = 1, .sigma = sigma});
  // Rounding of a handful of float32 operations around the same network.
  EXPECT_LT((denoised - expected).abs().max().item<double>(), 1e-6 * expected.abs().max().item<double>());
  // The clean image's time is never below that of training's cleanest level.
  EXPECT_EQ(network_input(network_prior->description(), {.alpha = 1, .sigma = 1e-4}).time, 0.01);
}

TEST(LoadPrior, AsksForWhatCannotBeKnown) {
  const fs::path folder = test::scratch_folder();
  fs::copy(kRecords / "plain_gray", folder, fs::copy_options::recursive);
  const auto load = [&] { load_prior(folder.string()); };
  EXPECT_EQ(test::complaint(load), "");
  fs::remove_all(folder / "scheduler");
  test::expect_says(test::complaint(load), {folder.string(), "value_range", "prior.yaml"});
  test::write_text(folder / "model_index.json", R"({"_class_name": "DDPMPipeline"})");
  test::expect_says(test::complaint(load), {folder.string(), "schedule", "prior.yaml"});
  test::write_text(folder / "prior.yaml", "schedule: vp_linear");
  test::expect_says(test::complaint(load), {folder.string(), "prediction", "prior.yaml"});
  test::write_text(folder / "prior.yaml", "schedule: vp_linear\nprediction: epsilon\nsize: any\nspace_to_depth: 1\n");
  EXPECT_EQ(test::complaint(load), "");
  test::write_text(folder / "prior.yaml", "schedule: vp_linear\nprediction: epsilon\nspace_to_depth: 2\n");
  test::expect_says(test::complaint(load), {"prior.yaml", "space_to_depth"});
  // Networks in EDM's form are conditioned on EDM's noise and see EDM's input, unless the card says otherwise.
  test::write_text(folder / "prior.yaml", "schedule: vp_linear\nprediction: edm\nsigma_data: 0.3\n");
  const NetworkPriorDescription edm = inspect_prior(folder.string()).description;
  EXPECT_EQ(edm.time_input, TimeInput::edm_noise);
  EXPECT_EQ(edm.sigma_data, 0.3);
  EXPECT_NEAR(network_input(edm, {.alpha = 2, .sigma = 0.8}).scale, 1 / std::sqrt(0.16 + 0.09) / 2, 1e-12);
  test::write_text(folder / "prior.yaml", "schedule: vp_linear\nprediction: epsilon\ntime_scale: 10\n");
  EXPECT_EQ(inspect_prior(folder.string()).description.time_scale, 10);
  test::expect_says(test::complaint([] { load_prior((kRecords / "fourier_scale_shift").string()); }), {"time_input"});
}

TEST(FindPrior, LooksInTheFoldersOfTheEnvironment) {
  ASSERT_EQ(setenv("RECON_PRIORS", ("/no/such:" + kRecords.string()).c_str(), 1), 0);
  const std::string found = find_prior("plain_gray");
  const auto names = embedded_priors();
  unsetenv("RECON_PRIORS");
  EXPECT_EQ(found, (kRecords / "plain_gray").string());
  EXPECT_NE(std::find(names.begin(), names.end(), "plain_gray"), names.end());
  EXPECT_THROW(find_prior("plain_gray"), Error);
}

}  // namespace
}  // namespace recon
