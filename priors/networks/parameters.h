#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"

namespace recon {

/// A parameter of a network under its name in files.
struct NamedTensor {
  std::string name;
  at::Tensor value;
};

/// Where the parameters of a network under construction come from: a checkpoint, another network, an initialiser.
class ParameterSource {
 public:
  virtual ~ParameterSource() = default;
  /// The float32 tensor of this name and shape.
  virtual at::Tensor get(const std::string& name, const Shape& shape) = 0;
};

/// A place in the tree of a network's parameter names. Layers ask it for their parameters; it asks the source and keeps
/// the list. The list and the layers share the tensors.
class ParameterScope {
 public:
  ParameterScope(ParameterSource& source, std::vector<NamedTensor>& list) : source_(&source), list_(&list) {}

  ParameterScope child(const std::string& name) const;
  ParameterScope child(const std::string& name, std::size_t index) const;  ///< "name.index"
  at::Tensor get(const std::string& name, const Shape& shape) const;

 private:
  ParameterSource* source_;
  std::vector<NamedTensor>* list_;
  std::string prefix_;
};

/// Parameters of an existing network, on another device.
class CopiedParameters final : public ParameterSource {
 public:
  CopiedParameters(const std::vector<NamedTensor>& parameters, c10::Device device);
  at::Tensor get(const std::string& name, const Shape& shape) override;

 private:
  std::map<std::string, at::Tensor> parameters_;
};

}  // namespace recon
