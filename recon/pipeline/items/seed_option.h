#pragma once

#include <cstdint>
#include <optional>

#include "recon/config/yaml_options.h"

namespace recon {

/// `--seed` takes the place of the config's `seed`, in the plan and in what is stored of the config.
inline void replace_seed(YamlOptions& config, std::optional<std::uint64_t> wanted, std::int64_t& seed) {
  if (!wanted) return;
  seed = static_cast<std::int64_t>(*wanted);
  config.set_resolved("seed", *wanted);
}

}  // namespace recon
