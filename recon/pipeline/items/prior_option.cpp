#include "recon/pipeline/items/prior_option.h"

#include "priors/load_prior.h"

namespace recon {

std::string prior_from(const YamlOptions& config, const char* key, const std::string& value) {
  return is_prior_path(value) ? config.path_of(key, value).string() : value;
}

}  // namespace recon
