#include "priors/networks/class_labels.h"

#include "recon/core/error.h"

namespace recon {

void choose_class(ClassLabels* labels, std::optional<std::int64_t> wanted, const std::string& location) {
  if (labels == nullptr || labels->count == 0) {
    if (wanted) throw data_error(location, "'class': this network has no class labels; remove the key");
    return;
  }
  const std::string known =
      fmt::format("0..{}{}", labels->count - 1, labels->none_known ? ", or none for images of no class" : "");
  if (!wanted) {
    throw data_error(location, "the network needs to be told a class of images; say which by `class: N`, N in {}",
                     known);
  }
  if (*wanted == ClassLabels::kNoClass ? !labels->none_known : *wanted >= labels->count) {
    throw data_error(location, "'class': expected {}, got {}", known,
                     *wanted == ClassLabels::kNoClass ? "none" : std::to_string(*wanted));
  }
  labels->chosen = wanted;
}

}  // namespace recon
