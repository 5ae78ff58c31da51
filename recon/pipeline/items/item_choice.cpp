#include "recon/pipeline/items/item_choice.h"

#include <fmt/ranges.h>

#include <optional>
#include <regex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

using Range = std::pair<std::int64_t, std::int64_t>;  // both ends included

std::optional<Range> positions(const std::string& word, std::int64_t count) {
  if (word == "all") return Range(0, count - 1);
  static const std::regex form("([0-9]{1,9})(-([0-9]{1,9}))?");
  std::smatch part;
  if (!std::regex_match(word, part, form)) return std::nullopt;
  const std::int64_t first = std::stoll(part[1]);
  return Range(first, part[3].matched ? std::stoll(part[3]) : first);
}

Range range_of(const std::string& word, const std::vector<std::string>& ids, const std::string& place) {
  const auto range = positions(word, std::ssize(ids));
  if (!range) {
    constexpr std::ptrdiff_t shown = 8;
    const std::vector<std::string> some(ids.begin(), ids.begin() + std::min(std::ssize(ids), shown));
    throw usage_error(place, "expected the id of one of its {} items ({}{}) or positions like 0-{}, got '{}'",
                      ids.size(), fmt::join(some, ", "), std::ssize(ids) > shown ? ", ..." : "", ids.size() - 1, word);
  }
  if (range->second < range->first || range->second >= std::ssize(ids)) {
    throw usage_error(place, "expected ids, or positions from 0 to {}, got '{}'", ids.size() - 1, word);
  }
  return *range;
}

}  // namespace

std::vector<std::int64_t> chosen_items(const std::vector<std::string>& ids, const std::vector<std::string>& wanted,
                                       const std::string& place) {
  if (ids.empty()) throw data_error(place, "there is no item to reconstruct");
  std::unordered_map<std::string, std::int64_t> position;
  for (std::size_t i = 0; i < ids.size(); ++i) position.emplace(ids[i], static_cast<std::int64_t>(i));
  std::vector<std::int64_t> chosen;
  std::unordered_set<std::int64_t> taken;
  for (const auto& word : wanted) {
    const auto named = position.find(word);
    const Range range = named != position.end() ? Range(named->second, named->second) : range_of(word, ids, place);
    for (std::int64_t i = range.first; i <= range.second; ++i) {
      if (taken.insert(i).second) chosen.push_back(i);
    }
  }
  if (chosen.empty()) throw data_error(place, "there is no item to reconstruct");
  return chosen;
}

}  // namespace recon
