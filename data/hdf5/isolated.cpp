#include "data/hdf5/isolated.h"

#include "recon/core/error.h"

namespace recon::hdf5 {
namespace {

constexpr int max_depth = 32;  // groups may contain themselves
constexpr int max_objects = 10000;

template <class Work>
void ignoring_errors(const Work& work) {
  try {
    work();
  } catch (const Error&) {
  }
}

void visit_group(const Group& group, int depth, int& objects) {
  if (depth > max_depth) return;
  for (const auto& name : group.attribute_names()) {
    ignoring_errors([&] { group.text_attribute(name); });
    ignoring_errors([&] { group.numbers_attribute(name); });
  }
  for (const auto& name : group.names()) {
    if (++objects > max_objects) return;
    ignoring_errors([&] {
      if (group.is_group(name)) {
        visit_group(group.group(name), depth + 1, objects);
      } else {
        group.dataset(name).visit_metadata();
      }
    });
  }
}

}  // namespace

void visit_everything(const Group& group) {
  int objects = 0;
  ignoring_errors([&] { visit_group(group, 0, objects); });
}

std::string pack(const std::vector<std::string>& texts) {
  std::string packed;
  for (const auto& text : texts) packed += std::to_string(text.size()) + ":" + text;
  return packed;
}

std::vector<std::string> unpack(const std::string& packed) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < packed.size();) {
    const std::size_t colon = packed.find(':', at);
    const std::size_t length = std::stoul(packed.substr(at, colon - at));
    texts.push_back(packed.substr(colon + 1, length));
    at = colon + 1 + length;
  }
  return texts;
}

}  // namespace recon::hdf5
