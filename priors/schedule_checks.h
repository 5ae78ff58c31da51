#pragma once

#include <numbers>
#include <string>

#include "recon/core/error.h"

// Shared by the sources of noise schedules, private to them.
namespace recon {

/// What the definitions of schedules share: a constant, and checks of their parameters.
inline constexpr double kHalfPi = std::numbers::pi / 2;

/// A function for each alternative of a variant.
template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

inline void check_schedule(bool ok, const std::string& schedule, const char* expected) {
  if (!ok) throw data_error("noise schedule " + schedule, "expected {}; correct the scheduler's parameters", expected);
}

}  // namespace recon
