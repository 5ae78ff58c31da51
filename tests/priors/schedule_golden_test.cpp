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

namespace recon {
namespace {

constexpr double kEpsilon = 0x1p-52, kSingle = 0x1p-24;

const nlohmann::json& golden() {
  static const nlohmann::json records = [] {
    std::ifstream file(RECON_SOURCE_DIR "/tests/golden/schedules/schedules.json");
    return nlohmann::json::parse(file);
  }();
  return records;
}

TEST(ScheduleGolden, TimestepsAreThoseOfDiffusers) {
  ASSERT_EQ(golden().at("timesteps").size(), 64U);
  for (const auto& record : golden().at("timesteps")) {
    const std::int64_t train = record.at("timesteps"), n = record.at("steps"), offset = record.at("steps_offset");
    const NoiseSchedule schedule = NoiseSchedule::vp_linear(train);
    const auto levels = schedule.steps(n, spacing_from(record.at("spacing")), 0, offset);
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
      const auto times = table_timesteps(spacing_from(record.at("spacing")), n, 1000, 0, "test");
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

}  // namespace
}  // namespace recon
