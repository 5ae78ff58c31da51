#include "data/array_axes.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::array<const char*, 5> axis_names = {"item", "channel", "y", "x", "complex"};

std::string joined(const std::vector<std::string>& axes) { return fmt::format("[{}]", fmt::join(axes, ", ")); }

/// The axes that an array of this rank usually has.
std::vector<std::string> usual_of_rank(std::int64_t rank, const std::vector<std::vector<std::string>>& usual,
                                       const at::Tensor& values, const std::string& place) {
  std::vector<std::string> texts;
  for (const auto& axes : usual) {
    if (std::ssize(axes) == rank) return axes;
    texts.push_back(joined(axes));
  }
  throw data_error(place, "expected an array {}, got {}; say what its axes are: axes: [...]", fmt::join(texts, ", "),
                   to_string(shape_of(values)));
}

void require_axes(const std::vector<std::string>& axes, const at::Tensor& values, const std::string& place) {
  const auto named = [&](const char* name) { return std::find(axes.begin(), axes.end(), name) != axes.end(); };
  const bool known = std::all_of(axes.begin(), axes.end(), [](const std::string& name) {
    return std::find(axis_names.begin(), axis_names.end(), name) != axis_names.end();
  });
  const bool once = std::set<std::string>(axes.begin(), axes.end()).size() == axes.size();
  if (!known || !once || !named("y") || !named("x") || std::ssize(axes) != values.dim()) {
    throw data_error(place, "expected a name for each axis of {}, different ones of {} with y and x among them, got {}",
                     to_string(shape_of(values)), fmt::join(axis_names, ", "), joined(axes));
  }
  if (values.numel() == 0) throw data_error(place, "is empty: {}", to_string(shape_of(values)));
}

}  // namespace

at::Tensor items_of_array(const at::Tensor& values, std::vector<std::string> axes,
                          const std::vector<std::vector<std::string>>& usual, const std::string& place) {
  if (axes.empty()) axes = usual_of_rank(values.dim(), usual, values, place);
  require_axes(axes, values, place);
  at::Tensor all = values;
  std::vector<std::int64_t> order;
  for (const char* name : axis_names) {
    const auto found = std::find(axes.begin(), axes.end(), name);
    if (found != axes.end()) {
      order.push_back(found - axes.begin());
    } else {
      order.push_back(all.dim());
      all = all.unsqueeze(-1);
    }
  }
  all = all.permute(order);
  if (std::find(axes.begin(), axes.end(), "complex") == axes.end()) return all.squeeze(-1).contiguous();
  if (all.is_complex() || all.size(-1) != 2) {
    throw data_error(place, "expected real numbers with two entries along the axis complex, got {} of {}", all.size(-1),
                     all.is_complex() ? "complex numbers" : "real ones");
  }
  return at::view_as_complex(all.contiguous());
}

}  // namespace recon
