// A prior that was written is the prior that is read, here and in diffusers.
#include "priors/checkpoints/prior_writer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "priors/checkpoints/safetensors.h"
#include "priors/load_prior.h"
#include "priors/train/network_options.h"
#include "priors/train/parameter_initializer.h"
#include "recon/core/rng.h"
#include "tests/priors/every_schedule.h"
#include "tests/priors/one_level_network.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

TEST(PriorWriter, WritesWhatLoadPriorReadsBack) {
  const fs::path folder = test::scratch_folder();
  NetworkOptions shape;
  shape.channels = {8, 16};
  shape.groups = 4;
  shape.attention = {1};
  shape.head_channels = 8;
  shape.scale_shift = true;
  UNet2DConfig config = shape.config(4, "");
  config.sample_size = {16, 16};
  ParameterInitializer source(0);
  const auto network = std::make_shared<const UNet2D>(config, source);
  std::vector<std::pair<Prediction, NoiseSchedule>> cases;
  for (const NoiseSchedule& schedule : test::every_schedule()) cases.emplace_back(Prediction::v, schedule);
  for (const auto kind : {Prediction::epsilon, Prediction::x0, Prediction::flow_to_noise, Prediction::edm}) {
    cases.emplace_back(kind, NoiseSchedule::vp_linear(100));
  }
  for (const auto& [kind, schedule] : cases) {
    NetworkPriorDescription description{.name = "written",
                                        .domain = {.channels = 1, .fixed_size = {}, .multiple = 4, .low = 0, .high = 2},
                                        .schedule = schedule,
                                        .prediction = kind,
                                        .time_scale = kind == Prediction::edm ? 250.0 : 1.0,
                                        .space_to_depth = 2,
                                        .symmetry = ImageSymmetry::mirror,
                                        .max_relative_sigma = 1,
                                        .denoising_mse = {{0.1, 0.002}, {1, 0.03}},
                                        .power_spectrum = {{0.01, 100}, {0.5, 0.002}}};
    if (kind == Prediction::edm) description.time_input = TimeInput::edm_noise;
    fs::remove_all(folder / "scheduler");
    write_prior(folder, description, *network, {"a: \"test\"", "# nothing", "CC0", "people.csv"}, at::kFloat);
    const auto read = std::dynamic_pointer_cast<const NetworkPrior>(load_prior(folder.string() + "/"));
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(read->description().prediction, kind);
    EXPECT_EQ(read->description().denoising_mse, description.denoising_mse);
    EXPECT_EQ(read->description().power_spectrum, description.power_spectrum);
    EXPECT_EQ(read->symmetry(), ImageSymmetry::mirror);
    EXPECT_EQ(read->domain().high, 2);
    EXPECT_TRUE(read->domain().fixed_size.empty());
    EXPECT_EQ(read->max_relative_sigma(), 1);
    EXPECT_EQ(inspect_prior(folder.string() + "/").card_description, "a: \"test\"");
    EXPECT_EQ(inspect_prior(folder.string() + "/").attribution, "people.csv");
    const NetworkPrior written(description, network);
    const at::Tensor x = Rng(0, "x").normal({{0, 0}}, 0, {{1, 8, 8}, ScalarKind::real}, at::kFloat);
    const NoiseLevel level{.alpha = 1, .sigma = 0.7};
    EXPECT_TRUE(read->denoise(x, level).equal(written.denoise(x, level))) << to_string(kind) << ' ' << schedule.name();
  }
}

TEST(PriorWriter, KeepsTheMeasurementThatWasTrainedFor) {
  const fs::path folder = test::scratch_folder();
  const auto network = test::one_level_network(test::one_level(8, 4), 1, 1, 0);
  const NetworkPriorDescription description{
      .name = "written",
      .domain = {.channels = 1, .fixed_size = {}, .multiple = 1},
      .schedule = NoiseSchedule::vp_linear(),
      .prediction = Prediction::v,
      .measurement = TrainedMeasurement{.op = "inpainting(random, 30.0 % measured)", .noise_std = {0.05, 0.1}}};
  write_prior(folder, description, *network, {}, at::kFloat);
  const auto read = std::dynamic_pointer_cast<const NetworkPrior>(load_prior(folder.string() + "/"));
  ASSERT_TRUE(read->description().measurement.has_value());
  EXPECT_EQ(read->description().measurement->op, description.measurement->op);
  EXPECT_EQ(read->description().measurement->noise_std, description.measurement->noise_std);
  std::stringstream text;
  text << std::ifstream(folder / "prior.yaml").rdbuf();
  const std::string card = text.str();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = card;
    changed.replace(changed.find(from), from.size(), to);
    std::ofstream(folder / "prior.yaml") << changed;
    return test::complaint([&] { load_prior(folder.string() + "/"); });
  };
  test::expect_says(with("noise_std", "noise"), {"prior.yaml", "noise", "noise_std"});
  const std::size_t begin = card.find("noise_std:");
  const std::string noise = card.substr(begin, card.find('\n', begin) - begin);
  for (const char* wrong : {"noise_std: [0.1, 0.05]", "noise_std: [0.1]", "noise_std: [0, 0.1]"}) {
    test::expect_says(with(noise, wrong), {"prior.yaml", "noise_std"});
  }
  test::expect_says(with("prediction: v", "prediction: epsilon"), {"predicts v"});
}

TEST(PriorWriter, KeepsThatPositionsAreSeen) {
  const fs::path folder = test::scratch_folder();
  const auto network = test::one_level_network(test::one_level(8, 4), 4, kPositionChannels, 0);
  for (const auto& [name, value] : network->parameters()) {
    if (name == "conv_out.weight") value.fill_(0.1);
  }
  NetworkPriorDescription description{.name = "written",
                                      .domain = {.channels = 1, .fixed_size = {}, .multiple = 2},
                                      .schedule = NoiseSchedule::vp_linear(),
                                      .prediction = Prediction::v,
                                      .space_to_depth = 2};
  description.position_channels = true;
  write_prior(folder, description, *network, {}, at::kFloat);
  EXPECT_FALSE(fs::exists(folder / "model_index.json")) << "a pipeline would feed six channels of noise";
  const PriorPtr read = load_prior(folder.string() + "/");
  EXPECT_EQ(read->domain().channels, 1);
  const at::Tensor x = Rng(0, "x").normal({{0, 0}}, 0, {{1, 8, 12}, ScalarKind::real}, at::kFloat);
  const NoiseLevel level{.alpha = 1, .sigma = 0.7};
  EXPECT_TRUE(read->denoise(x, level).equal(NetworkPrior(description, network).denoise(x, level)));
  const auto with = [&](const std::string& line) {
    std::stringstream text;
    text << std::ifstream(folder / "prior.yaml").rdbuf();
    std::string card = text.str();
    const std::size_t begin = card.find("position_channels:");
    card.replace(begin, card.find('\n', begin) - begin, line);
    std::ofstream(folder / "prior.yaml") << card;
    return test::complaint([&] { load_prior(folder.string() + "/"); });
  };
  test::expect_says(with("position_channels: perhaps"), {"prior.yaml", "position_channels", "true or false"});
  test::expect_says(with("position_channels: false"), {"space_to_depth", "6 channels"});
}

TEST(PriorWriter, DiffusersOpensWhatItWrites) {
  const char* const python = std::getenv("RECON_REFERENCE_PYTHON");
  if (python == nullptr) GTEST_SKIP() << "needs RECON_REFERENCE_PYTHON, a Python with diffusers; see golden_test.cpp";
  const fs::path folder = test::scratch_folder();
  NetworkOptions shape;
  shape.channels = {8, 16};
  shape.groups = 4;
  shape.attention = {1};
  shape.head_channels = 8;
  UNet2DConfig config = shape.config(1, "");
  config.sample_size = {16, 16};
  ParameterInitializer source(3);
  const UNet2D network(config, source);
  for (const auto& [name, value] : network.parameters()) {  // conv_out begins at zero, which would hide everything
    if (name == "conv_out.weight") value.fill_(0.1);
  }
  for (const auto& schedule :
       {NoiseSchedule::vp_linear(), NoiseSchedule::vp_cosine(), NoiseSchedule::vp_linear(500, 2e-4, 0.03)}) {
    const NetworkPriorDescription description{.name = "written",
                                              .domain = {.channels = 1, .fixed_size = {}, .multiple = 2},
                                              .schedule = schedule,
                                              .prediction = Prediction::v};
    write_prior(folder, description, network, {}, at::kFloat);
    const at::Tensor x = Rng(0, "x").normal({{0, 0}, {1, 0}}, 0, {{1, 16, 16}, ScalarKind::real}, at::kFloat);
    const at::Tensor t = at::tensor({3.0F, 400.0F});
    const at::Tensor table = at::tensor(std::get<TabulatedSchedule>(schedule.kind()).alpha_bar, at::kDouble);
    write_safetensors(folder / "golden.safetensors",
                      {{"x", x}, {"t", t}, {"out", network.forward(x, t)}, {"alpha_bar", table}});
    const std::string script = test::source_path("tests/golden/unet2d/open_with_diffusers.py");
    EXPECT_EQ(std::system(fmt::format("'{}' '{}' '{}'", python, script, folder.string()).c_str()), 0);
  }
}

TEST(UNet2DConfig, IsWrittenAsItIsRead) {
  for (const auto& entry : fs::directory_iterator(fs::path(test::source_path("tests/golden/unet2d")))) {
    if (!entry.is_directory()) continue;
    fs::path file = entry.path() / "unet/config.json";
    if (!fs::exists(file)) file = entry.path() / "config.json";
    const UNet2DConfig config = read_unet2d_config(file);
    const nlohmann::json written = unet2d_config_json(config);
    EXPECT_EQ(unet2d_config_json(parse_unet2d_config(written, "written")), written);
    const nlohmann::json original = nlohmann::json::parse(std::ifstream(file));
    for (const auto& [key, value] : written.items()) {
      if (key != "dropout" && original.contains(key)) {  // dropout is for training by others; here it is 0
        EXPECT_EQ(value, original[key]) << file << ' ' << key;
      }
    }
  }
}

}  // namespace
}  // namespace recon
