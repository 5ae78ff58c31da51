// Processes as they are written in configs.
#include "priors/schedule_options.h"

#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "tests/priors/every_schedule.h"
#include "tests/support/faults.h"
#include "tests/support/json_options.h"

namespace recon {
namespace {

NoiseSchedule written(const std::string& text) {
  JsonOptions options(text);
  const auto schedule = make_schedule(options);
  options.finish();
  return schedule;
}

TEST(ScheduleOptions, EveryProcessIsWrittenByItsName) {
  for (const NoiseSchedule& schedule : test::every_schedule()) {
    EXPECT_EQ(schedule_families().find(schedule.name(), "test").name, schedule.name());
  }
  for (const ScheduleFamily& family : schedule_families()) {
    if (family.name == "tabulated") continue;  // has no defaults
    EXPECT_EQ(written(R"({"type": ")" + family.name + R"("})").name(), family.name);
  }
}

TEST(ScheduleOptions, ParametersArrive) {
  EXPECT_EQ(written(R"({"type": "vp_linear", "timesteps": 250, "beta_start": 4e-4, "beta_end": 0.08})").max_time(),
            249);
  EXPECT_EQ(written(R"({"type": "ve_geometric", "sigma_max": 348})").max_relative_sigma(), 348);
  EXPECT_EQ(written(R"({"type": "tabulated", "alpha_bar": [0.9, 0.5, 0.1]})").at(1).alpha_bar(),
            NoiseSchedule(TabulatedSchedule{"tabulated", {0.9, 0.5, 0.1}}).at(1).alpha_bar());
}

TEST(ScheduleOptions, FaultsAreOfTheConfig) {
  const std::vector<std::pair<const char*, std::vector<std::string>>> faults{
      {R"({})", {"test", "type"}},
      {R"({"type": "vp_liner"})", {"test", "vp_linear"}},
      {R"({"type": "vp_linear", "timesteps": 0})", {"timesteps"}},
      {R"({"type": "edm_rho", "sigma_min": 90})", {"test", "sigma_min < sigma_max"}},
      {R"({"type": "flow", "shift": 3})", {"shift"}},
      {R"({"type": "tabulated", "betas": [0.1], "alpha_bar": [0.9]})", {"test", "both"}}};
  for (const auto& [text, words] : faults) {
    try {
      written(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << text;
      test::expect_says(error.what(), words);
    }
  }
}

TEST(ScheduleOptions, ASectionMayBeAbsent) {
  JsonOptions options(R"({"schedule": [{"type": "flow"}]})");
  EXPECT_EQ(schedule_section(options, "schedule", "the process")->name(), "flow");
  options.finish();
  JsonOptions two(R"({"schedule": [{"type": "flow"}, {"type": "flow"}]})"), empty("{}");
  EXPECT_THROW(schedule_section(two, "schedule", "the process"), Error);
  EXPECT_FALSE(schedule_section(empty, "schedule", "the process").has_value());
}

}  // namespace
}  // namespace recon
