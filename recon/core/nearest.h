#pragma once

#include <optional>
#include <string>
#include <vector>

namespace recon {

/// The candidate most like `word` by edit distance (insert, delete, replace, swap of neighbours: 1 each; case counts
/// not), if it is near enough to be a slip: at most 2 edits or a third of the letters.
std::optional<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates);

/// For the end of a message: "; did you mean 'steps'?" or "; known: a, b, c".
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace recon
