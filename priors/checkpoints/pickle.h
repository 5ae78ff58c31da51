#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "recon/core/tensor_spec.h"

namespace recon {

/// Index of a value in Pickle::values.
using PickleRef = std::uint32_t;

struct PickleGlobal {
  std::string name;  ///< "module.name"
};
struct PickleSequence {
  std::vector<PickleRef> items;
  bool tuple = false;
};
/// dict or OrderedDict.
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;
};
/// A storage of torch.save: `numel` elements in the zip entry `data/KEY`.
struct TorchStorage {
  at::ScalarType dtype = at::kFloat;
  std::string key;
  std::int64_t numel = 0;
};
/// A view of a storage. Checked: it lies within the storage and no two of its elements share memory.
struct TorchTensor {
  TorchStorage storage;
  std::int64_t offset = 0;  ///< elements, as the strides
  Shape shape, strides;
};

using PickleValue = std::variant<std::monostate, bool, std::int64_t, double, std::string, PickleGlobal, PickleSequence,
                                 PickleDict, TorchStorage, TorchTensor>;

/// What a pickle holds: a graph without cycles. Values refer to each other by index.
struct Pickle {
  std::vector<PickleValue> values;
  PickleRef root = 0;

  const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
};

/// Throws Error(data) at `location` when a value that the root leads to contains itself.
void refuse_cycles(const Pickle& pickle, const std::string& location);

/// "a text", "a tensor" ... for messages.
std::string kind_of(const PickleValue& value);

/// Reads the pickle of a PyTorch state dict without running any of it.
///
/// A pickle is a program for a stack machine that can import and call anything (docs.python.org, pickletools). Ours
/// knows tensors (torch._utils._rebuild_tensor_v2 and _rebuild_parameter of the typed storages), dict, OrderedDict,
/// list, tuple, numbers up to 64 bits, texts, bool and None. Everything else is Error(data) at `location` with the byte
/// and the name of what was asked for: other globals, other calls, other opcodes, values that contain themselves, sizes
/// beyond the data, more than kMaxPickleValues values, nesting that the data does not need. Memory is bounded by a
/// small multiple of `bytes`.
Pickle unpickle(std::string_view bytes, const std::string& location);

inline constexpr std::size_t kMaxPickleValues = 1'000'000;
inline constexpr std::size_t kMaxPickleBytes = std::size_t{16} << 20;

}  // namespace recon
