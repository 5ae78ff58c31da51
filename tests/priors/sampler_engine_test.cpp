// What every registered sampler owes to its caller, whatever its method.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "priors/channelwise_prior.h"
#include "priors/samplers/draw.h"
#include "priors/samplers/process.h"
#include "recon/core/error.h"
#include "tests/priors/sampler_laws.h"

namespace recon::test {
namespace {

DrawTask task(std::int64_t count, std::uint64_t seed = 1, std::uint32_t first = 0) {
  DrawTask task{.keys = {}, .size = {8, 8}, .like = at::kDouble, .seed = seed};
  for (std::uint32_t i = 0; i < count; ++i) task.keys.push_back({0, first + i});
  return task;
}

std::string with_steps(std::int64_t steps, const std::string& more = "") {
  return fmt::format("{{\"steps\": {}{}}}", steps, more);
}

TEST(SamplerEngine, CostsWhatTheFormulaSays) {
  for (const auto& kind : sampler_kinds()) {
    for (const std::int64_t steps : {1, 2, 7}) {
      const auto sampler = make_sampler(kind.name, with_steps(steps));
      const DrawReport report = draw(*sampler, image_mixture(), task(2));
      EXPECT_EQ(report.nfe, sampler->nfe()) << kind.name << " with " << steps << " steps: " << sampler->nfe_formula();
    }
  }
  EXPECT_EQ(make_sampler("pf_ode_heun", with_steps(10))->nfe(), 19);
  EXPECT_EQ(make_sampler("predictor_corrector", with_steps(10, ", \"inner_steps\": 2"))->nfe(), 28);
  EXPECT_EQ(make_sampler("annealed_langevin", with_steps(10, ", \"inner_steps\": 3"))->nfe(), 31);
}

TEST(SamplerEngine, AnImageDependsOnSeedAndKeyOnlyNotOnItsBatch) {
  for (const auto& kind : sampler_kinds()) {
    const auto sampler = make_sampler(kind.name, with_steps(6));
    const at::Tensor all = draw(*sampler, image_mixture(), task(5)).x;
    const at::Tensor again = draw(*sampler, image_mixture(), task(5)).x;
    EXPECT_TRUE(at::equal(all, again)) << kind.name;
    const at::Tensor parts =
        at::cat({draw(*sampler, image_mixture(), task(2)).x, draw(*sampler, image_mixture(), task(3, 1, 2)).x});
    // The mixture's matrix products may sum in another order for another batch.
    EXPECT_LT((all - parts).abs().max().item<double>(), 1e-11) << kind.name;
    EXPECT_GT((all - draw(*sampler, image_mixture(), task(5, 2)).x).abs().max().item<double>(), 0.01) << kind.name;
    EXPECT_GT((all[0] - all[1]).abs().max().item<double>(), 0.01) << kind.name;
  }
}

TEST(SamplerEngine, StaysFiniteAtEveryEdgeOfEveryProcess) {
  for (const auto& kind : sampler_kinds()) {
    for (const auto& process : process_names()) {
      for (const auto& spacing : all_words<Spacing>()) {
        const bool table = process == "prior" || (process.starts_with("vp_") && process != "vp_continuous");
        if (is_for_tables(from_word<Spacing>(spacing, "test")) && !table) continue;
        for (const std::int64_t steps : {1, 2, 5}) {
          const auto sampler = make_sampler(
              kind.name, with_steps(steps, fmt::format(R"(, "process": "{}", "spacing": "{}")", process, spacing)));
          DrawTask one = task(1);
          one.like = at::kFloat;
          const DrawReport report = draw(*sampler, image_mixture(), one);
          EXPECT_FALSE(report.diverged[0]) << kind.name << " " << process << " " << spacing << " " << steps;
          EXPECT_TRUE(at::isfinite(report.x).all().item<bool>());
          EXPECT_EQ(report.x.scalar_type(), at::kFloat);
        }
      }
    }
  }
}

TEST(SamplerEngine, AllProcessesLeadToTheSameLaw) {
  for (const auto& process : standard_processes()) {
    const std::string options = fmt::format(R"({{"steps": 60, "process": "{}"}})", process.name());
    const at::Tensor x = drawn(*make_sampler("dpmpp_2m", options), one_pixel_mixture(), one_pixel_draws / 3);
    const Judgement judgement = judge_one_pixel(x, 0.01);
    EXPECT_TRUE(judgement.passes()) << process.name() << ": " << judgement.text();
  }
}

TEST(SamplerEngine, TheObserverSeesEveryStepAndMayStop) {
  const auto sampler = make_sampler("ddim", with_steps(5));
  std::vector<double> seen;
  DrawControls controls;
  controls.watch = [&](SamplerStep& step) {
    EXPECT_EQ(step.total, 5);
    EXPECT_EQ(step.x_t.sizes(), step.x0.sizes());
    seen.push_back(step.level.relative_sigma());
    return step.done < 3;
  };
  const DrawReport report = draw(*sampler, image_mixture(), task(1), controls);
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.nfe, 3);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_GT(seen[0], seen[2]);

  CancellationToken token;
  token.cancel();
  EXPECT_TRUE(draw(*sampler, image_mixture(), task(1), {.observer = {}, .watch = {}, .cancellation = &token}).stopped);
}

/// Gives NaN for entries whose first pixel is above zero at the noisiest level.
class Breaking final : public Prior {
 public:
  Breaking() : Prior("breaking", image_mixture().domain(), image_mixture().schedule()) {}
  double denoising_mse(double) const override { return 0; }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    const at::Tensor sound = image_mixture().denoise(x_t, level);
    if (level.relative_sigma() < 100) return sound;
    const at::Tensor bad = x_t.select(1, 0).select(1, 0).select(1, 0).view({-1, 1, 1, 1}) > 0;
    return at::where(bad, at::full_like(sound, std::numeric_limits<double>::quiet_NaN()), sound);
  }
};

TEST(SamplerEngine, EntriesThatAreNotFiniteLeaveTheRaceAndAreNamed) {
  for (const auto& kind : sampler_kinds()) {
    const auto sampler =
        make_sampler(kind.name, with_steps(4, R"(, "process": "prior", "spacing": "uniform_log_snr")"));
    const DrawReport report = draw(*sampler, Breaking{}, task(8));
    const DrawReport sound = draw(*sampler, image_mixture(), task(8));
    int diverged = 0;
    for (std::int64_t i = 0; i < 8; ++i) {
      const bool bad = report.diverged[static_cast<std::size_t>(i)];
      diverged += bad ? 1 : 0;
      const at::Tensor expected = bad ? at::zeros_like(sound.x[i]) : sound.x[i];
      EXPECT_LT((report.x[i] - expected).abs().max().item<double>(), 1e-11) << kind.name;
    }
    EXPECT_GT(diverged, 0) << kind.name;
    EXPECT_LT(diverged, 8) << kind.name;
  }
}

/// A mixture that claims a learned variance of a constant fraction.
class Learned final : public Prior {
 public:
  explicit Learned(double fraction)
      : Prior("learned", image_mixture().domain(), image_mixture().schedule()), fraction_(fraction) {}
  double denoising_mse(double) const override { return 0; }
  bool learns_variance() const override { return true; }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    return image_mixture().denoise(x_t, level);
  }
  DenoisedWithVariance do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const override {
    return {do_denoise(x_t, level), at::full_like(x_t, fraction_)};
  }
  double fraction_;
};

TEST(SamplerEngine, ALearnedVarianceLiesBetweenTheFixedOnes) {
  const auto drawn_with = [](const char* variance, const Prior& prior) {
    return draw(*make_sampler("ddpm", fmt::format(R"({{"steps": 8, "variance": "{}"}})", variance)), prior, task(3)).x;
  };
  const auto differ = [](const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); };
  const at::Tensor small = drawn_with("fixed_small", image_mixture()),
                   large = drawn_with("fixed_large", image_mixture());
  EXPECT_LT(differ(drawn_with("learned_range", Learned(0)), small), 1e-12);
  EXPECT_LT(differ(drawn_with("learned_range", Learned(1)), large), 1e-11);
  EXPECT_GT(differ(drawn_with("learned_range", Learned(0.5)), small), 1e-3);
  EXPECT_THROW(drawn_with("learned_range", image_mixture()), Error);
  // Halfway in the logarithm is the geometric mean: one step from 0 with noise 1 ends on mean + std.
  const auto ends_on = [](const char* variance, double fraction, double z) {
    const Learned prior(fraction);
    const auto sampler = make_sampler("ddpm", fmt::format(R"({{"variance": "{}"}})", variance));
    ReverseProcess reverse = reverse_process_of(*sampler, prior, 1);
    reverse.levels = {{1, 2}, {1, 1}};
    reverse.denoise_with_variance = [&](const at::Tensor& x, const NoiseLevel& l) {
      return prior.denoise_with_variance(x, l);
    };
    reverse.noise = [&](std::string_view, std::int64_t) { return at::full({1, 1, 8, 8}, z, at::kDouble); };
    return sampler->sample(reverse, at::zeros({1, 1, 8, 8}, at::kDouble))[0][0][0][0].item<double>();
  };
  const double mean = ends_on("fixed_small", 0, 0);
  const double small_std = ends_on("fixed_small", 0, 1) - mean, large_std = ends_on("fixed_large", 0, 1) - mean;
  EXPECT_NEAR(ends_on("learned_range", 0.5, 1) - mean, std::sqrt(small_std * large_std), 1e-14);
  EXPECT_NEAR(large_std / small_std, 2, 1e-14);
}

TEST(SamplerEngine, ClippingKeepsTheRangeOfThePrior) {
  const GaussianMixturePrior narrow({{1, at::zeros({1, 8, 8}, at::kDouble), Covariance::isotropic({1, 8, 8}, 1)}},
                                    NoiseSchedule::vp_linear(), -0.2, 0.2);
  DrawTask clipped = task(2);
  clipped.clip = true;
  EXPECT_LE(draw(*make_sampler("ddim"), narrow, clipped).x.abs().max().item<double>(), 0.2);
  EXPECT_GT(draw(*make_sampler("ddim"), narrow, task(2)).x.abs().max().item<double>(), 1);
}

TEST(SamplerEngine, RefusesWhatDoesNotFit) {
  const auto message = [](const auto& call) {
    try {
      call();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  DrawTask wide = task(1);
  wide.size = {8, 16};
  EXPECT_NE(message([&] { draw(*make_sampler("ddim"), image_mixture(), wide); }).find("knows images of size"),
            std::string::npos);
  EXPECT_NE(message([] {
              sampler_kinds().find("dimm", "x.yaml:3");
            }).find("x.yaml:3: unknown sampler 'dimm'; did you mean 'ddim'?"),
            std::string::npos);
  EXPECT_NE(message([] { process_from("vp_liner", NoiseSchedule::vp_linear()); }).find("did you mean 'vp_linear'?"),
            std::string::npos);
  ReverseProcess reverse = reverse_process_of(*make_sampler("ddim"), one_pixel_mixture(), 1);
  std::swap(reverse.levels[0], reverse.levels[1]);
  EXPECT_THROW(make_sampler("ddim")->sample(reverse, at::zeros({1, 1, 1, 1}, at::kDouble)), Error);
}

}  // namespace
}  // namespace recon::test
