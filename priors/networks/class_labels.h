#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace recon {

/// The class labels of a network, and the one that it is used with: a prior is of images of one class.
struct ClassLabels {
  std::int64_t count = 0;   ///< classes that the network knows; 0: it has no labels
  bool none_known = false;  ///< it also takes no class (EDM: a label of zeros)
  /// The choice, 0..count-1 or kNoClass; absent: not made.
  std::optional<std::int64_t> chosen = std::nullopt;

  static constexpr std::int64_t kNoClass = -1;
};

/// Makes the choice, `wanted`, or checks that there is none to make; `labels` is null for a network without labels.
/// Throws Error(data) at `location` for a class that the network does not know and where it needs one.
void choose_class(ClassLabels* labels, std::optional<std::int64_t> wanted, const std::string& location);

}  // namespace recon
