// Every registered sampler draws what its prior says, and every kind of slip that samplers are known for is noticed.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "priors/transition.h"
#include "tests/priors/sampler_laws.h"

namespace recon::test {
namespace {

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  for (const auto& kind : sampler_kinds()) names.push_back(kind.name);
  return names;
}

class SamplerStatistics : public testing::TestWithParam<std::string> {};

TEST_P(SamplerStatistics, OnePixelHasTheLawOfTheMixture) {
  const SamplerSetup setup = setup_of(GetParam());
  const at::Tensor x = drawn(*make_sampler(GetParam(), setup.options), one_pixel_mixture(), one_pixel_draws);
  const Judgement judgement = judge_one_pixel(x, setup.bias);
  std::printf("%s: %s\n", GetParam().c_str(), judgement.text().c_str());
  EXPECT_TRUE(judgement.passes()) << judgement.text();
}

TEST_P(SamplerStatistics, ImagesHaveTheLawOfTheMixture) {
  const SamplerSetup setup = setup_of(GetParam());
  const at::Tensor x = drawn(*make_sampler(GetParam(), setup.options), image_mixture(), image_draws);
  const Judgement judgement = judge_images(x, 1.5 * setup.bias);  // its narrowest direction has a std of .045
  std::printf("%s: %s\n", GetParam().c_str(), judgement.text().c_str());
  EXPECT_TRUE(judgement.passes()) << judgement.text();
}

const auto by_name = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(All, SamplerStatistics, testing::ValuesIn(sampler_names()), by_name);

struct Variant {
  const char* sampler;
  const char* options;
  double bias;
};

// The options that change the way but not the law: on images, where the ratio of norms of predictor_corrector has a
// mean.
TEST(SamplerOptions, LeaveTheLawOfImagesAsItIs) {
  const std::vector<Variant> variants = {
      {"ddpm", R"({"steps": 200, "spacing": "uniform_log_snr", "variance": "fixed_large"})", 0.015},
      {"dpmpp_2m", R"({"steps": 60, "eta": 1})", 0.015},
      {"predictor_corrector", R"({"steps": 150})", 0.03},  // heat, see langevin.h
      {"predictor_corrector", R"({"steps": 150, "predictor": "ancestral"})", 0.03}};
  for (const auto& [name, options, bias] : variants) {
    const Judgement judgement =
        judge_images(drawn(*make_sampler(name, options), image_mixture(), image_draws / 2), bias);
    std::printf("%s %s: %s\n", name, options, judgement.text().c_str());
    EXPECT_TRUE(judgement.passes()) << name << " " << options << ": " << judgement.text();
  }
}

// What a user gets who names a sampler and nothing else: 5 %, from 49 network passes for some.
TEST(SlowSamplerDefaults, AreWithinFivePercent) {
  for (const auto& name : sampler_names()) {
    const std::string options = name == "predictor_corrector" ? R"({"corrector_scale": "sigma"})" : "{}";
    const Judgement judgement = judge_one_pixel(drawn(*make_sampler(name, options), one_pixel_mixture(), 60000), 0.05);
    std::printf("%s: %s\n", name.c_str(), judgement.text().c_str());
    EXPECT_TRUE(judgement.passes()) << name << ": " << judgement.text();
  }
}

// --- Mutants

/// Puts f(u, D, level) for D, u = x / alpha.
Defect denoiser(std::function<at::Tensor(const at::Tensor& u, const at::Tensor& x0, const NoiseLevel&)> f) {
  return [f = std::move(f)](ReverseProcess& reverse) {
    reverse.denoise = [f, sound = reverse.denoise](const at::Tensor& x, const NoiseLevel& level) {
      return f(x / level.alpha, sound(x, level), level);
    };
  };
}

/// Multiplies the score by a factor: D = u + factor (D - u).
Defect score_times(double factor) {
  return denoiser([factor](const auto& u, const auto& x0, const auto&) { return u + factor * (x0 - u); });
}

Defect noise_times(double factor, const std::string& stream) {
  return [factor, stream](ReverseProcess& reverse) {
    reverse.noise = [factor, stream, sound = reverse.noise](std::string_view of, std::int64_t step) {
      const at::Tensor z = sound(of, step);
      return of == stream ? factor * z : z;
    };
  };
}

struct Mutant {
  const char* sampler;
  const char* slip;
  Defect defect;
};

const std::vector<Mutant>& mutants() {
  static const Defect sigma_for_its_square =
      denoiser([](const auto& u, const auto& x0, const NoiseLevel& l) { return u + (x0 - u) / l.sigma; });
  // In y = x / (alpha (1 + r)) the flow's velocity is (y - D) / t: its negative is that of D' = 2 y - D.
  static const Defect flow_reversed = denoiser(
      [](const auto& u, const auto& x0, const NoiseLevel& l) { return 2 * u / (1 + l.relative_sigma()) - x0; });
  static const std::vector<Mutant> all = {
      {"annealed_langevin", "noise sqrt(tau) for sqrt(2 tau)", noise_times(std::sqrt(0.5), "corrector")},
      {"annealed_langevin", "half the score", score_times(0.5)},
      {"ddim", "sigma for sigma squared in Tweedie's formula", sigma_for_its_square},
      {"ddpm", "wrong sign of the score", score_times(-1)},
      {"ddpm", "no noise", noise_times(0, std::string(kSamplingStream))},
      {"dpmpp_2m", "sigma for sigma squared in Tweedie's formula", sigma_for_its_square},
      {"dpmpp_2m", "no factor 1/2 in the drift", score_times(2)},
      {"edm_stochastic", "no noise", noise_times(0, std::string(kSamplingStream))},
      {"edm_stochastic", "noise r^ - r for sqrt(r^2 - r2)",
       noise_times(std::numbers::sqrt2 - 1, std::string(kSamplingStream))},
      {"flow_euler", "velocity toward the data", flow_reversed},
      {"flow_heun", "no factor 1/2 in the drift", score_times(2)},
      {"pf_ode_euler", "no factor 1/2 in the drift", score_times(2)},
      {"pf_ode_heun", "no factor 1/2 in the drift", score_times(2)},
      {"pf_ode_heun", "wrong sign of the score", score_times(-1)},
      {"predictor_corrector", "noise sqrt(tau) for sqrt(2 tau)", noise_times(std::sqrt(0.5), "corrector")},
      {"predictor_corrector", "no noise in the predictor", noise_times(0, std::string(kSamplingStream))},
      {"reverse_sde", "the ODE's drift with the SDE's noise", score_times(0.5)},
      {"reverse_sde", "no noise", noise_times(0, std::string(kSamplingStream))}};
  return all;
}

constexpr std::int64_t mutant_draws = one_pixel_draws / 3;  // enough for slips of this size

TEST(SamplerMutants, EverySlipFailsTheOnePixelLaw) {
  for (const auto& [name, slip, defect] : mutants()) {
    const SamplerSetup setup = setup_of(name);
    const at::Tensor x = drawn(*make_sampler(name, setup.options), one_pixel_mixture(), mutant_draws, defect);
    const Judgement judgement = judge_one_pixel(x, setup.bias);
    EXPECT_FALSE(judgement.passes()) << name << ", " << slip << ": " << judgement.text();
  }
}

TEST(SamplerMutants, EverySamplerHasOne) {
  for (const auto& name : sampler_names()) {
    EXPECT_TRUE(std::any_of(mutants().begin(), mutants().end(), [&](const Mutant& m) { return name == m.sampler; }))
        << name;
  }
}

/// DDIM with alpha of the level it leaves in front of D.
class WrongAlpha final : public Sampler {
 public:
  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }

 private:
  void visit_own(ParameterVisitor&) override {}
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x, const at::Tensor&) const override {
    const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
    const at::Tensor x0 = reverse.denoise(x, from);
    const Transition move = reverse_transition(from, to, 0);
    return {.x = (from.alpha - from.alpha * move.xt_weight) * x0 + move.xt_weight * x, .x0 = x0};
  }
};

TEST(SamplerMutants, DdimWithTheWrongAlphaFails) {
  WrongAlpha mutant;
  mutant.steps = 200;
  const at::Tensor x = drawn(mutant, one_pixel_mixture(), one_pixel_draws);
  EXPECT_FALSE(judge_one_pixel(x, setup_of("ddim").bias).passes());
}

}  // namespace
}  // namespace recon::test
