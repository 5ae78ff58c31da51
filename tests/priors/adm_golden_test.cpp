// The U-Nets of guided-diffusion and EDM against records of their definitions, loaded from the files of their authors'
// kind: torch.save and safetensors.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/checkpoints/golden.h"
#include "priors/checkpoints/load_network.h"
#include "priors/load_prior.h"
#include "priors/networks/adm_unet.h"
#include "tests/priors/large_models.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecords = fs::path(test::source_path("tests/golden/adm"));

// As for the U-Net of diffusers, tests/priors/golden_test.cpp.
constexpr double kOutputTolerance = 1e-5;
constexpr double kVjpTolerance = 1e-4;

class AdmGolden : public testing::TestWithParam<const char*> {};

TEST_P(AdmGolden, EqualsTheDefinition) {
  const GoldenReport report = check_golden(kRecords / GetParam(), kRecords / GetParam() / "golden.safetensors");
  EXPECT_EQ(report.items, 2);
  EXPECT_LT(report.output_error, kOutputTolerance);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, kVjpTolerance);
  fmt::print("{}: output error {:.2e}, vjp error {:.2e}\n", GetParam(), report.output_error, *report.vjp_error);
}

INSTANTIATE_TEST_SUITE_P(Records, AdmGolden,
                         testing::Values("legacy_order", "new_order_conv", "pooled_three_levels", "class_labels"));

/// A copy of a record whose card has a line replaced (or removed).
fs::path with_card(const char* record, const std::string& line, const std::string& instead) {
  const fs::path folder = test::scratch_folder();
  fs::copy(kRecords / record, folder, fs::copy_options::recursive);
  std::ifstream file(folder / "prior.yaml");
  std::string card{std::istreambuf_iterator<char>(file), {}};
  const auto at = card.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  test::write_text(folder / "prior.yaml", card.replace(at, line.size(), instead));
  return folder;
}

TEST(Adm, SeesAWrongOption) {
  // Options that the shapes of the weights do not show.
  for (const auto& [record, right, wrong] : std::vector<std::array<const char*, 3>>{
           {"legacy_order", "use_new_attention_order: false", "use_new_attention_order: true"},
           {"legacy_order", "num_heads: 2", "num_heads: 4"},
           {"legacy_order", "norm_groups: 2", "norm_groups: 4"},
           {"new_order_conv", "use_new_attention_order: true", "use_new_attention_order: false"},
           {"pooled_three_levels", "num_heads_upsample: 2", "num_heads_upsample: 4"}}) {
    const fs::path folder = with_card(record, right, wrong);
    EXPECT_GT(check_golden(folder, folder / "golden.safetensors").output_error, 1e-4) << wrong;
  }
}

TEST(Adm, NamesTheTensorsThatDoNotFit) {
  const auto load = [](const fs::path& folder) { return test::complaint([&] { load_prior(folder.string()); }); };
  test::expect_says(
      load(with_card("legacy_order", "use_scale_shift_norm: true", "use_scale_shift_norm: false")),
      {"model.pt", "of another shape: ", "input_blocks.1.0.emb_layers.1.weight is [8, 16], expected [4, 16]"});
  test::expect_says(load(with_card("legacy_order", "attention_resolutions: [8]", "attention_resolutions: [4]")),
                    {"not part of the network: ", "input_blocks.3.1.norm.bias"});
  test::expect_says(load(with_card("legacy_order", "num_res_blocks: 1", "num_res_blocks: 2")),
                    {"missing: ", "input_blocks.5"});
  test::expect_says(load(with_card("new_order_conv", "weights_key: [ema, model]\n", "")), {"'ema' (a dict)"});
  test::expect_says(load(with_card("new_order_conv", "weights_prefix: module.\n", "")),
                    {"begin with 'module.'", "weights_prefix: module."});
}

TEST(Adm, IsAPriorWithALearnedVariance) {
  const PriorPtr prior = load_prior((kRecords / "legacy_order").string());
  EXPECT_TRUE(prior->learns_variance());
  EXPECT_EQ(prior->domain().channels, 3);
  EXPECT_EQ(prior->domain().fixed_size, (std::vector<std::int64_t>{16, 16}));
  const at::Tensor x = at::full({1, 3, 16, 16}, 0.25);
  const NoiseLevel level = prior->schedule().at(500);
  EXPECT_EQ(prior->denoise(x, level).sizes(), x.sizes());
  EXPECT_EQ(prior->denoise_with_variance(x, level).variance_fraction.sizes(), x.sizes());
  EXPECT_FALSE(load_prior((kRecords / "new_order_conv").string())->learns_variance());
}

TEST(Adm, ACardTurnsTheChannels) {
  const PriorPtr rgb = load_prior((kRecords / "legacy_order").string());
  const PriorPtr bgr =
      load_prior(with_card("legacy_order", "architecture:", "channel_order: bgr\narchitecture:").string());
  const at::Tensor x = at::linspace(-1, 1, 3 * 16 * 16).view({1, 3, 16, 16});
  const NoiseLevel level = rgb->schedule().steps(1, Spacing::uniform_log_snr, 1)[0];
  EXPECT_TRUE(at::equal(bgr->denoise(x.flip(1), level), rgb->denoise(x, level).flip(1)));
  EXPECT_FALSE(at::equal(rgb->denoise(x.flip(1), level), rgb->denoise(x, level).flip(1)));
}

/// Counts what a network asks for; gives nothing.
class Counting final : public ParameterSource {
 public:
  at::Tensor get(const std::string&, const Shape& shape) override {
    count += TensorSpec{shape}.numel();
    return at::empty({0});
  }
  std::int64_t count = 0;
};

const AdmConfig& adm_of(const PriorSources& sources) {
  return dynamic_cast<const ConfigOf<AdmConfig, AdmUNet>&>(*sources.network.config).config;
}

TEST(Adm, PresetsAreThePublishedModels) {
  const fs::path folder = test::scratch_folder();
  const auto preset = [&](const std::string& name) {
    test::write_text(folder / "prior.yaml", "architecture: adm\npreset: " + name + "\nweights: m.pt\n");
    const PriorSources sources(folder);
    EXPECT_EQ(sources.card.schedule->name(), NoiseSchedule::vp_linear().name());
    EXPECT_EQ(sources.card.prediction, Prediction::epsilon);
    EXPECT_EQ(sources.card.weights, folder / "m.pt");
    return adm_of(sources);
  };
  // The sizes that the papers and the files give: 93.6 million for FFHQ (ffhq_10m.pt), 552.8 million for ImageNet.
  for (const auto& [name, millions] :
       std::vector<std::pair<std::string, double>>{{"ffhq_256", 93.6}, {"imagenet_256", 552.8}}) {
    Counting parameters;
    const AdmUNet network(preset(name), parameters);
    EXPECT_NEAR(static_cast<double>(parameters.count) / 1e6, millions, 0.05) << name;
    EXPECT_EQ(network.out_channels(), 6);
  }
}

TEST(Adm, CardsOverruleTheirPreset) {
  const fs::path folder = test::scratch_folder();
  const auto read = [&](const std::string& card) {
    test::write_text(folder / "prior.yaml", card);
    return test::complaint([&] { PriorSources{folder}; });
  };
  EXPECT_EQ(read("preset: ffhq_256\nvalue_range: [0, 1]\narchitecture: {type: adm, learn_sigma: false}\n"), "");
  const PriorSources sources(folder);
  EXPECT_EQ(sources.card.value_range, (std::pair{0.0, 1.0}));
  EXPECT_FALSE(adm_of(sources).learn_sigma);
  EXPECT_EQ(adm_of(sources).num_res_blocks, 1);
  test::expect_says(read("preset: ffhq\n"), {"prior.yaml:1 'preset'", "one of ffhq_256, imagenet_256", "'ffhq'"});
  test::expect_says(read("architecture: adn\n"), {"prior.yaml:1", "adm", "'adn'"});
  test::expect_says(read("architecture: {type: adm, depth: 3}\n"),
                    {"prior.yaml:1 'depth'", "unknown key", "num_res_blocks"});
  test::expect_says(read("architecture: {type: adm, image_size: 60}\n"), {"channel_mult", "64, 128, 256"});
  test::expect_says(read("architecture: {type: adm, num_channels: 40}\n"), {"norm_groups", "40 channels"});
  test::expect_says(read("architecture: {type: adm, num_heads: 3}\n"), {"num_heads", "do not divide"});
  test::expect_says(read("architecture: {type: adm, learn_sigma: 3}\n"), {"true or false"});
  test::expect_says(read("value_range: [0, 1]\n"), {"architecture", "preset"});
}

// The presets at full size with random weights (94 and 553 million), written by torch.save on the spot.
TEST(SlowAdmGolden, EqualsTheDefinitionAtTheSizeOfPublishedModels) {
  test::expect_large_models_equal(kRecords / "make_adm.py", {"ffhq_256", "imagenet_256"}, "torch safetensors",
                                  kOutputTolerance, kVjpTolerance);
}

}  // namespace
}  // namespace recon
