#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/operator.h"

namespace recon {

/// "a, b, c" of the operators' names.
inline std::string joined_names(const std::vector<OperatorPtr>& parts) {
  std::string names;
  for (const auto& part : parts) names += (names.empty() ? "" : ", ") + part->name();
  return names;
}

/// Marks a linear operator that picks entries of its domain, each once: A A^H = 1, so (B A)(B A)^H = B B^H.
class OrthonormalRows {
 public:
  virtual ~OrthonormalRows() = default;
  /// Places of the entries that are not picked, in the flattened domain: int64.
  virtual at::Tensor left_out() const = 0;
};

/// The window that all parts share; empty when they differ.
inline std::optional<ImageWindow> shared_window(const std::vector<OperatorPtr>& parts) {
  const auto first = parts.front()->window();
  for (const auto& part : parts) {
    if (part->window() != first) return std::nullopt;
  }
  return first;
}

/// The parts as linear operators; empty unless all are linear.
inline std::vector<LinearOperatorPtr> linear_parts(const std::vector<OperatorPtr>& parts) {
  std::vector<LinearOperatorPtr> linear;
  for (const auto& part : parts) {
    linear.push_back(std::dynamic_pointer_cast<const LinearOperator>(part));
    if (linear.back() == nullptr) return {};
  }
  return linear;
}

}  // namespace recon
