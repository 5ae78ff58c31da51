// Schedules, spacings and coefficients as real packages compute them: tests/golden/schedules (diffusers, k-diffusion).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "priors/noise_schedule.h"
#include "priors/parameterization.h"
#include "priors/transition.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

constexpr double kEpsilon = 0x1p-52, kSingle = 0x1p-24;

const nlohmann::json& golden() {
  static const nlohmann::json records = [] {
    std::ifstream file(test::source_path("tests/golden/schedules/schedules.json"));
    return nlohmann::json::parse(file);
  }();
  return records;
}

TEST(ScheduleGolden, TimestepsAreThoseOfDiffusers) {
  ASSERT_EQ(golden().at("timesteps").size(), 64U);
  for (const auto& record : golden().at("timesteps")) {
    const std::int64_t train = record.at("timesteps"), n = record.at("steps"), offset = record.at("steps_offset");
    const NoiseSchedule schedule = NoiseSchedule::vp_linear(train);
    const auto levels = schedule.steps(n, from_word<Spacing>(record.at("spacing"), "test"), 0, offset);
    std::vector<double> times;
    for (const NoiseLevel& level : levels) times.push_back(schedule.time_of(level.relative_sigma()));
    EXPECT_EQ(times, record.at("t").get<std::vector<double>>()) << record.dump();
  }
}

// Every number of steps of a thousand: ties and the rounding of numpy's arange and linspace decide some of them.
TEST(ScheduleGolden, TimestepsOfEveryNumberOfSteps) {
  ASSERT_EQ(golden().at("checksums").size(), 3U);
  for (const auto& record : golden().at("checksums")) {
    std::int64_t sum = 0;
    for (std::int64_t n = 1; n <= 1000; ++n) {
      const auto times = table_timesteps(from_word<Spacing>(record.at("spacing"), "test"), n, 1000, 0, "test");
      ASSERT_EQ(times.size(), static_cast<std::size_t>(n));
      for (std::size_t i = 0; i < times.size(); ++i) {
        sum += static_cast<std::int64_t>(i + 1) * static_cast<std::int64_t>(times[i]);
        ASSERT_TRUE(i == 0 || times[i] < times[i - 1]) << record.at("spacing") << " n " << n;
      }
    }
    EXPECT_EQ(sum, record.at("sum").get<std::int64_t>()) << record.at("spacing");
  }
}

/// Our counterpart of a package's list of sigmas.
std::vector<NoiseLevel> levels_of(const nlohmann::json& record) {
  const std::string function = record.at("function");
  const std::int64_t n = record.at("n");
  if (function == "get_sigmas_vp") return NoiseSchedule(VpContinuousSchedule{}).steps(n, Spacing::uniform_t);
  const double low = record.at("sigma_min"), high = record.at("sigma_max");
  if (function.ends_with("karras")) return NoiseSchedule(EdmRhoSchedule{low, high}).steps(n, Spacing::uniform_t);
  return NoiseSchedule(VeGeometricSchedule{low, high}).steps(n, Spacing::uniform_t);
}

TEST(ScheduleGolden, SigmasAreThoseOfKDiffusionAndEdm) {
  ASSERT_EQ(golden().at("sigmas").size(), 17U);
  for (const auto& record : golden().at("sigmas")) {
    const auto levels = levels_of(record);
    const auto sigmas = record.at("sigmas").get<std::vector<double>>();
    ASSERT_EQ(levels.size(), sigmas.size()) << record.dump();
    const std::string function = record.at("function");
    for (std::size_t i = 0; i < sigmas.size(); ++i) {
      // The packages compute in float32: a 7th power multiplies its rounding by 7, exp() that of exponents up to 7, and
      // VP's sqrt(exp(c) - 1) loses log2(1/c) bits at the clean end, c = 1.1e-4.
      const double amplified = function == "get_sigmas_vp" ? 1 / std::log1p(sigmas[i] * sigmas[i]) + 20 : 20;
      EXPECT_NEAR(levels[i].relative_sigma() / sigmas[i], 1, amplified * kSingle) << function << " step " << i;
    }
  }
}

// The same ladders reached as spacings of another process between the same ends.
TEST(ScheduleGolden, SpacingsOfAnyProcessGiveTheSameSigmas) {
  for (const auto& record : golden().at("sigmas")) {
    const std::string function = record.at("function");
    if (function != "get_sigmas_karras" && function != "get_sigmas_exponential") continue;
    const NoiseSchedule ve(VeGeometricSchedule{record.at("sigma_min"), record.at("sigma_max")});
    const NoiseSchedule edm(EdmRhoSchedule{record.at("sigma_min"), record.at("sigma_max")});
    const bool karras = function == "get_sigmas_karras";
    const auto levels = (karras ? ve : edm).steps(record.at("n"), karras ? Spacing::karras : Spacing::uniform_log_snr);
    for (std::size_t i = 0; i < levels.size(); ++i) {
      EXPECT_NEAR(levels[i].sigma / record.at("sigmas")[i].get<double>(), 1, 20 * kSingle) << function << " " << i;
    }
  }
}

TEST(ScheduleGolden, PreconditioningIsThatOfEdm) {
  ASSERT_EQ(golden().at("preconditioning").size(), 10U);
  for (const auto& record : golden().at("preconditioning")) {
    const EdmCoefficients c = edm_coefficients(record.at("sigma"), record.at("sigma_data"));
    const auto expect = [&](double got, const char* name) {
      EXPECT_NEAR(got / record.at(name).get<double>(), 1, 10 * kEpsilon) << name << " of " << record.dump();
    };
    expect(c.c_skip, "c_skip");
    expect(c.c_out, "c_out");
    expect(c.c_in, "c_in");
    expect(c.c_noise, "c_noise");
  }
}

TEST(ScheduleGolden, PosteriorIsThatOfDdpm) {
  ASSERT_EQ(golden().at("posterior").size(), 8U);
  const NoiseSchedule schedule = NoiseSchedule::vp_linear();
  for (const auto& record : golden().at("posterior")) {
    const NoiseLevel from = schedule.at(record.at("from")), to = schedule.at(record.at("to"));
    const Transition step = reverse_transition(from, to);
    const double beta = record.at("fixed_large"), forward = from.alpha / to.alpha;
    // Both sides take beta as a difference of numbers near 1, and alpha_bar is a product of up to 1000 factors.
    const double tolerance = 2000 * kEpsilon / beta;
    EXPECT_NEAR(step.x0_weight, record.at("x0_weight").get<double>(), tolerance * step.x0_weight) << record.dump();
    EXPECT_NEAR(step.xt_weight, record.at("xt_weight").get<double>(), tolerance) << record.dump();
    EXPECT_NEAR(step.noise_std * step.noise_std, record.at("fixed_small").get<double>(), tolerance * beta);
    EXPECT_NEAR(1 - forward * forward, beta, tolerance * beta);  // fixed_large: the noise of the step forward
  }
}

/// E[x_0 | x_t] of N(mean, deviation²) data.
double denoised(double x, const NoiseLevel& level, double mean, double deviation) {
  const double signal = level.alpha * deviation * deviation, noise = level.sigma * level.sigma;
  return (noise * mean + signal * x) / (level.alpha * signal + noise);
}

// One step of every recorded first-order sampler, from each recorded state to the next: the transition alone.
TEST(ScheduleGolden, TransitionsAreThoseOfDiffusersAndKDiffusion) {
  std::ifstream file(test::source_path("tests/golden/samplers/samplers.json"));
  const nlohmann::json samplers = nlohmann::json::parse(file);
  const double mean = samplers.at("mean"), deviation = samplers.at("deviation");
  int judged = 0;
  for (const auto& record : samplers.at("records")) {
    const std::string name = record.at("sampler");
    const bool ddim = name == "DDIMScheduler", euler = name == "sample_euler" || name == "EulerDiscreteScheduler";
    const bool ancestral = name == "sample_euler_ancestral" ||
                           (name == "DDPMScheduler" && record.at("options").at("variance_type") == "fixed_small");
    if (!ddim && !euler && !ancestral) continue;
    ++judged;
    const double eta = ddim ? record.at("options").at("eta").get<double>() : ancestral ? 1 : 0;
    const double rounding = record.at("precision") == "float32" ? 4 * kSingle : 20 * kEpsilon;
    for (std::size_t i = 0; i + 1 < record.at("x").size(); ++i) {
      const NoiseLevel from{record["alpha"][i], record["sigma"][i]}, to{record["alpha"][i + 1], record["sigma"][i + 1]};
      const Transition step = reverse_transition(from, to, eta);
      for (std::size_t k = 0; k < 4; ++k) {
        const double x = record["x"][i][k], expected = record["x"][i + 1][k];
        const double x0 = denoised(x, from, mean, deviation);
        const bool draws = record.contains("noise") && !record["noise"][i].is_null();
        const double z = draws ? record["noise"][i][k].get<double>() : 0;
        // A step far from x_0 rounds in units of what it moves: x of size r in the VE state.
        EXPECT_NEAR(step.x0_weight * x0 + step.xt_weight * x + step.noise_std * z, expected,
                    rounding * (std::abs(x) + 1))
            << name << " " << record["options"].dump() << " step " << i;
      }
    }
  }
  EXPECT_EQ(judged, 9);
}

}  // namespace
}  // namespace recon
