#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace recon {

/// The verbs whose config `recon list config VERB` shows.
const std::vector<std::string>& verbs_with_config();

/// The keys of a verb's config, from the tables that read them: as OptionLister::options().
nlohmann::ordered_json config_keys(const std::string& verb);

/// For the end of a verb's --help; empty for a verb without a config.
std::string config_keys_text(const std::string& verb);

}  // namespace recon
