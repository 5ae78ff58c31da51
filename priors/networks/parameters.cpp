#include "priors/networks/parameters.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

ParameterScope ParameterScope::child(const std::string& name) const {
  ParameterScope scope = *this;
  scope.prefix_ += name + '.';
  return scope;
}

ParameterScope ParameterScope::child(const std::string& name, std::size_t index) const {
  return child(name).child(std::to_string(index));
}

at::Tensor ParameterScope::get(const std::string& name, const Shape& shape) const {
  at::Tensor value = source_->get(prefix_ + name, shape);
  list_->push_back({prefix_ + name, value});
  return value;
}

CopiedParameters::CopiedParameters(const std::vector<NamedTensor>& parameters, c10::Device device) {
  for (const auto& [name, value] : parameters) parameters_[name] = value.detach().to(device);
}

at::Tensor CopiedParameters::get(const std::string& name, const Shape& shape) {
  const auto found = parameters_.find(name);
  if (found == parameters_.end() || found->second.sizes() != at::IntArrayRef(shape)) {
    throw internal_error("CopiedParameters", "no parameter '{}' of shape {}", name, to_string(shape));
  }
  return found->second;
}

}  // namespace recon
