#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"

namespace recon {

/// What a file of weights says about one of its tensors.
struct StoredTensor {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  Shape shape;
};

/// A file of named tensors: safetensors (safetensors.h) or a PyTorch state dict (torch_file.h).
class TensorFile {
 public:
  virtual ~TensorFile() = default;

  virtual const std::string& path() const = 0;
  virtual std::vector<std::string> names() const = 0;
  /// Null when there is none of that name.
  virtual const StoredTensor* find(const std::string& name) const = 0;
  /// A copy in the stored type, on the CPU. Throws Error(data) when there is none of that name.
  virtual at::Tensor tensor(const std::string& name) const = 0;
};

}  // namespace recon
