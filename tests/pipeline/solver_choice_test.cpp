// Which solver `auto` takes.
#include "recon/pipeline/solve/solver_choice.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/rng.h"
#include "recon/pipeline/items/operator_source.h"

namespace recon {
namespace {

std::string choice_for(const std::string& operator_config, bool complex = false, const Shape& shape = {1, 32, 32}) {
  const TensorSpec image{shape, complex ? ScalarKind::complex : ScalarKind::real};
  const YamlNodePtr config = parse_yaml(operator_config, {.name = "test", .folder = {}});
  const auto first = [&] {
    const OperatorPtr op = build_operator(config, "operator", image, "test").op;
    return FirstData{op, op->apply(Rng(1, "choice").normal({{0, 0}}, 0, image, at::kDouble))};
  };
  return choose_solver(image, operator_config, first).type;
}

TEST(SolverChoice, IsTheRuleOfThePage) {
  EXPECT_EQ(choice_for("{type: blur}"), "plug_and_play");
  EXPECT_EQ(choice_for("{type: inpainting}"), "plug_and_play");
  EXPECT_EQ(choice_for("{type: radon, angles: 12}"), "plug_and_play");
  EXPECT_EQ(choice_for("{type: compose, operators: [{type: blur}, {type: inpainting}]}"), "plug_and_play");
  EXPECT_EQ(choice_for("{type: inpainting, pattern: box, box: [8, 8, 12, 12]}"), "diffpir");
  EXPECT_EQ(choice_for("{type: inpainting, pattern: box, box: [8, 8, 12, 8]}"), "plug_and_play") << "8 wide";
  EXPECT_EQ(choice_for("{type: identity}"), "plug_and_play");
  EXPECT_EQ(choice_for("{type: fourier}"), "plug_and_play");
  EXPECT_EQ(choice_for("{type: sense}", true), "plug_and_play");
  EXPECT_EQ(choice_for("{type: clipping}"), "dps");
  EXPECT_EQ(choice_for("{type: fourier_magnitude}"), "diffusion_raar");
  EXPECT_EQ(choice_for("{type: fourier_magnitude}", true), "alternating_projections");
  for (const char* of : {"{type: blur}", "{type: slices, of: {type: radon, angles: 5}}", "{type: fourier}"}) {
    EXPECT_EQ(choice_for(of, false, {1, 4, 32, 32}), "diffusion_mbir") << of;
    EXPECT_NE(choice_for(of, false, {1, 1, 32, 32}), "diffusion_mbir") << "there are no neighbours";
  }
  EXPECT_EQ(choice_for("{type: clipping}", false, {1, 4, 32, 32}), "dps");
}

// A few points hold all of the contrast of a field of stars, whatever sees it; nothing else is like that.
TEST(SolverChoice, TakesTotalVariationForPointsOnAnEmptyField) {
  const TensorSpec image{{1, 64, 64}, ScalarKind::real};
  const Rng rng(3, "stars");
  at::Tensor stars = at::zeros({1, 1, 64, 64}, at::kDouble);
  for (std::int64_t i = 0; i < 12; ++i) stars[0][0][(i * 29 + 7) % 64][(i * 43 + 11) % 64] = std::pow(0.6, i);
  const at::Tensor flat = at::linspace(0, 1, 64, at::kDouble).view({1, 1, 1, 64}).expand({1, 1, 64, 64}).contiguous();
  const auto checks = at::arange(64, at::kDouble).div(8, "floor").remainder(2);
  const at::Tensor board = (checks.view({64, 1}) * checks.view({1, 64})).view({1, 1, 64, 64});
  for (const char* config : {"{type: blur, std_px: 1.5}", "{type: inpainting, missing_fraction: 0.7, seed: 2}",
                             "{type: super_resolution, factor: 2}", "{type: radon, angles: 40}"}) {
    const OperatorPtr op =
        build_operator(parse_yaml(config, {.name = "test", .folder = {}}), "operator", image, "test").op;
    const at::Tensor noise = rng.normal({{0, 0}}, 0, op->range(), at::kDouble);
    const auto choice = [&](const at::Tensor& x, double relative_noise = 1e-3) {
      const at::Tensor clean = op->apply(x);
      const double std = relative_noise * clean.abs().max().item<double>();
      return choose_solver(image, config, [&] { return FirstData{op, clean + std * noise, std}; }).type;
    };
    EXPECT_EQ(choice(flat), "plug_and_play") << config;
    EXPECT_EQ(choice(board), "plug_and_play") << config;
    if (std::string(config).find("inpainting") == std::string::npos) {
      EXPECT_EQ(choice(stars), "tv_pdhg") << config;
      EXPECT_EQ(choice(stars, 1e-2), "plug_and_play") << config << ": under that noise the prior helps";
    }
  }
}

TEST(SolverChoice, AMosaicNeedsNoLook) {
  const TensorSpec image{{3, 32, 32}, ScalarKind::real};
  const auto unasked = []() -> FirstData { throw std::runtime_error("not needed"); };
  EXPECT_EQ(choose_solver(image, "{type: demosaicing, pattern: grbg}", unasked).type, "diffpir");
}

/// A file of one item in memory, measured by that operator.
ItemSource source_of(const std::string& operator_config, double value = 0.5) {
  const TensorSpec image{{1, 32, 32}, ScalarKind::real};
  MeasurementSet set;
  set.header.image = image;
  set.header.operator_config = operator_config;
  set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
  const YamlNodePtr config = parse_yaml(operator_config, {.name = "test", .folder = {}});
  const OperatorPtr op = build_operator(config, "operator", image, "test").op;
  set.y = op->apply(at::full({1, 1, 32, 32}, value));
  set.ids = {"one"};
  return ItemSource::of(set, "test.h5", {});
}

NamedSolver settled(std::vector<ItemSource> sources, std::int64_t samples, nlohmann::ordered_json& resolved,
                    std::set<std::string> taken = {}) {
  std::vector<FirstItem> firsts;
  for (auto& source : sources) firsts.push_back({&source, 0});
  NamedSolver main;
  settle_solver(main, resolved, firsts, samples, c10::kCPU, std::move(taken));
  return main;
}

TEST(SolverChoice, BecomesTheSolverWithItsDefaults) {
  nlohmann::ordered_json resolved;
  const NamedSolver one = settled({source_of("{type: blur}")}, 1, resolved);
  EXPECT_EQ(one.name, "plug_and_play");
  EXPECT_TRUE(one.traits.needs_prior);
  EXPECT_EQ(resolved["solver"]["type"], "plug_and_play");
  EXPECT_TRUE(resolved["solver"].contains("steps")) << "what is stored is what was run";
  EXPECT_EQ(settled({source_of("{type: identity}")}, 4, resolved).name, "dps") << "samples";
  EXPECT_EQ(settled({source_of("{type: blur}")}, 1, resolved, {"plug_and_play"}).name, "plug_and_play_2") << "beside a baseline";
}

TEST(SolverChoice, OfSeveralOperatorsIsOneThatTakesAll) {
  nlohmann::ordered_json resolved;
  const auto choice = [&](const std::string& first, const std::string& second) {
    return settled({source_of(first), source_of(second)}, 1, resolved).name;
  };
  EXPECT_EQ(choice("{type: identity}", "{type: identity}"), "plug_and_play");
  EXPECT_EQ(choice("{type: inpainting, pattern: box, box: [8, 8, 12, 12]}", "{type: blur}"), "plug_and_play");
  EXPECT_EQ(choice("{type: clipping}", "{type: blur}"), "dps");
  EXPECT_EQ(settled({source_of("{type: blur}", NAN), source_of("{type: fourier}")}, 1, resolved).name, "plug_and_play")
      << "a damaged item says nothing";
}

TEST(SolverChoice, LeavesAStatedSolverAlone) {
  nlohmann::ordered_json resolved;
  std::set<std::string> taken;
  YamlOptions section(parse_yaml("type: tv_pdhg", {.name = "test", .folder = {}}), "solver");
  NamedSolver main = named_solver(section, taken);
  settle_solver(main, resolved, {}, 4, c10::kCPU);
  EXPECT_EQ(main.name, "tv_pdhg");
  EXPECT_TRUE(resolved.empty());
}

}  // namespace
}  // namespace recon
