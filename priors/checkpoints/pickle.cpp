#include "priors/checkpoints/pickle.h"

#include "recon/core/error.h"

namespace recon {
namespace {

std::vector<PickleRef> children(const PickleValue& value) {
  if (const auto* const sequence = std::get_if<PickleSequence>(&value)) return sequence->items;
  std::vector<PickleRef> refs;
  if (const auto* const dict = std::get_if<PickleDict>(&value)) {
    for (const auto& [key, item] : dict->items) refs.insert(refs.end(), {key, item});
  }
  return refs;
}

}  // namespace

// Depth-first without recursion, for nesting may be as deep as the file is long.
void refuse_cycles(const Pickle& pickle, const std::string& location) {
  enum class State : char { unseen, open, closed };
  struct Visit {
    PickleRef ref;
    std::vector<PickleRef> left;
  };
  std::vector<State> state(pickle.values.size(), State::unseen);
  std::vector<Visit> path{{pickle.root, children(pickle[pickle.root])}};
  state[pickle.root] = State::open;
  while (!path.empty()) {
    if (path.back().left.empty()) {
      state[path.back().ref] = State::closed;
      path.pop_back();
      continue;
    }
    const PickleRef child = path.back().left.back();
    path.back().left.pop_back();
    if (state[child] == State::open) throw data_error(location, "{} contains itself", kind_of(pickle[child]));
    if (state[child] == State::closed) continue;
    state[child] = State::open;
    path.push_back({child, children(pickle[child])});
  }
}

std::string kind_of(const PickleValue& value) {
  static constexpr const char* kKinds[] = {"None",      "a bool",  "a number",          "a number",
                                           "a text",    "a name",  "a list or a tuple", "a dict",
                                           "a storage", "a tensor"};
  static_assert(std::variant_size_v<PickleValue> == std::size(kKinds));
  return kKinds[value.index()];
}

}  // namespace recon
