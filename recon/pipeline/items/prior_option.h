#pragma once

#include <string>

#include "recon/config/yaml_options.h"

namespace recon {

/// The prior that the option `key` of a config names: its name as it is, a path (it has a '/') from the config's
/// folder.
std::string prior_from(const YamlOptions& config, const char* key, const std::string& value);

}  // namespace recon
