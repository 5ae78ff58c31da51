#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recon/core/words.h"

namespace recon {

/// How n steps are placed between the noisiest and the cleanest level.
///
/// The first four work on every schedule and keep both ends. The last three are those of diffusers (set_timesteps of
/// DDPMScheduler and DDIMScheduler; named in Lin et al. 2024, table 2) and give whole timesteps of a table of T:
enum class Spacing {
  uniform_t,        ///< equal steps of the schedule's own time
  quadratic_t,      ///< square of equal steps: denser at low noise
  uniform_log_snr,  ///< equal steps of log relative sigma
  karras,           ///< rho = 7 in relative sigma (Karras et al. 2022, eq. 5)
  leading,          ///< i floor(T/n) + steps_offset: ends at the offset, starts up to a stride below T-1
  trailing,         ///< round(T - i T/n) - 1: starts at T-1, ends up to a stride above 0
  linspace          ///< round(i (T-1)/(n-1)): both ends; n = 1 gives 0
};

constexpr auto words_of(Spacing) {
  using enum Spacing;
  return std::to_array<Word<Spacing>>({{uniform_t, "uniform_t"},
                                       {quadratic_t, "quadratic_t"},
                                       {uniform_log_snr, "uniform_log_snr"},
                                       {karras, "karras"},
                                       {leading, "leading"},
                                       {trailing, "trailing"},
                                       {linspace, "linspace"}});
}

struct SpacingKind {
  Spacing value;
  const char* summary;  ///< one line for `recon list spacings`
};
const std::vector<SpacingKind>& spacing_kinds();

/// Those that exist for tables only.
bool is_for_tables(Spacing spacing);
/// Whole timesteps of a table of `count`, falling, as diffusers computes them: floating point and ties to even
/// included, except that its trailing list is cut to n (numpy's arange adds a -1 for some n). Throws Error(usage) at
/// `location` unless 1 <= n <= count and all of them lie in 0..count-1 (an offset may lead out), and for an offset of
/// another spacing.
std::vector<double> table_timesteps(Spacing spacing, std::int64_t n, std::int64_t count, std::int64_t steps_offset,
                                    const std::string& location);

}  // namespace recon
