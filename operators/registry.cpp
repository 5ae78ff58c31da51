#include "operators/registry.h"

#include <algorithm>
#include <numeric>

#include "operators/blur/blur.h"
#include "operators/combinations/combination_kinds.h"
#include "operators/fourier/fourier.h"
#include "operators/identity.h"
#include "operators/inpainting/inpainting.h"
#include "operators/resampling/super_resolution.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Levenshtein distance, for "did you mean".
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j + 1] + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

const std::vector<OperatorKind>& operator_kinds() {
  static const std::vector<OperatorKind> kinds{
      blur_kind(),  compose_kind(), fourier_kind(), identity_kind(),         inpainting_kind(),
      scale_kind(), stack_kind(),   sum_kind(),     super_resolution_kind(),
  };
  return kinds;
}

const OperatorKind& find_operator_kind(const std::string& name, const std::string& place) {
  const auto& kinds = operator_kinds();
  const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.name == name; });
  if (known != kinds.end()) return *known;
  const auto nearest = std::min_element(kinds.begin(), kinds.end(), [&](const auto& a, const auto& b) {
    return edit_distance(a.name, name) < edit_distance(b.name, name);
  });
  throw usage_error(place, "unknown operator type '{}', the nearest is '{}'; `recon list operators` shows all", name,
                    nearest->name);
}

OperatorPtr make_operator(ParameterVisitor& options, const TensorSpec& image) {
  std::string type;
  options.field("type", type, "the kind of operator");
  if (!options.reading()) return nullptr;
  if (type.empty()) {
    throw usage_error(options.place(), "an operator needs a `type`; `recon list operators` shows all");
  }
  return find_operator_kind(type, options.place()).make(options, image);
}

}  // namespace recon
