#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace recon {

/// The positions in `ids` of the wanted items, in the order of `wanted`, each once. A word is an id, `all`, a position
/// from 0 on ("7") or a range of them ("0-9", both ends included); an id goes before a position of the same name.
/// Throws Error(usage) at `place` for a word that is none of these, Error(data) when there is no item.
std::vector<std::int64_t> chosen_items(const std::vector<std::string>& ids, const std::vector<std::string>& wanted,
                                       const std::string& place);

}  // namespace recon
