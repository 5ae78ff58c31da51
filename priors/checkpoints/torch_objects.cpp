#include "priors/checkpoints/torch_objects.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kMaxTensorRank = 16;
constexpr std::size_t kMaxKey = 64;
constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 10> kStorages{
    {{"torch.DoubleStorage", at::kDouble},
     {"torch.FloatStorage", at::kFloat},
     {"torch.HalfStorage", at::kHalf},
     {"torch.BFloat16Storage", at::kBFloat16},
     {"torch.LongStorage", at::kLong},
     {"torch.IntStorage", at::kInt},
     {"torch.ShortStorage", at::kShort},
     {"torch.CharStorage", at::kChar},
     {"torch.ByteStorage", at::kByte},
     {"torch.BoolStorage", at::kByte}}};  // a damaged bool may be neither true nor false

/// The value as a T, or an error that says which part of what it is.
template <class T>
const T& as(const Pickle& pickle, PickleRef ref, const char* what, const char* wanted, const std::string& location) {
  const auto* const value = std::get_if<T>(&pickle[ref]);
  if (value == nullptr) throw data_error(location, "{}: expected {}, got {}", what, wanted, kind_of(pickle[ref]));
  return *value;
}

Shape extents(const Pickle& pickle, PickleRef ref, const char* what, const std::string& location) {
  const auto& sequence = as<PickleSequence>(pickle, ref, what, "a tuple of whole numbers", location);
  if (sequence.items.size() > kMaxTensorRank) {
    throw data_error(location, "{}: expected at most {} numbers, got {}", what, kMaxTensorRank, sequence.items.size());
  }
  Shape result;
  for (const auto item : sequence.items) {
    result.push_back(as<std::int64_t>(pickle, item, what, "whole numbers", location));
    if (result.back() < 0) throw data_error(location, "{}: expected 0 or more, got {}", what, result.back());
  }
  return result;
}

/// One more than the largest element index that strides reach from 0; -1 where it cannot be counted. Zero for empty.
std::int64_t reach(const Shape& shape, const Shape& strides) {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    std::int64_t step = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) || __builtin_add_overflow(last, step, &last)) return -1;
  }
  return last == INT64_MAX ? -1 : last + 1;
}

/// True where each stride steps over everything that the smaller ones reach, so that no two elements coincide.
bool elements_are_apart(const Shape& shape, const Shape& strides) {
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1) axes.emplace_back(strides[i], shape[i]);
  }
  std::sort(axes.begin(), axes.end());
  std::int64_t covered = 1;
  for (const auto& [stride, extent] : axes) {
    if (stride < covered) return false;
    covered += (extent - 1) * stride;  // no overflow: reach() has counted it
  }
  return true;
}

void check_view(const TorchTensor& tensor, const std::string& location) {
  const auto& [storage, offset, shape, strides] = tensor;
  if (shape.size() != strides.size()) {
    throw data_error(location, "tensor: shape {} and strides {} do not go together", to_string(shape),
                     to_string(strides));
  }
  const std::int64_t reached = reach(shape, strides);
  if (offset < 0 || reached < 0 || offset > storage.numel || reached > storage.numel - offset) {
    throw data_error(location, "tensor of shape {}, strides {} and offset {} goes beyond its storage of {} elements",
                     to_string(shape), to_string(strides), offset, storage.numel);
  }
  if (reached > 0 && !elements_are_apart(shape, strides)) {
    throw data_error(location, "tensor of shape {} and strides {}: its elements overlap", to_string(shape),
                     to_string(strides));
  }
}

PickleValue rebuilt_tensor(const Pickle& pickle, const std::vector<PickleRef>& items, const std::string& location) {
  if (items.size() != 6 && items.size() != 7) {
    throw data_error(location, "{}: expected 6 or 7 arguments, got {}", kTensor, items.size());
  }
  TorchTensor tensor{.storage = as<TorchStorage>(pickle, items[0], "tensor", "a storage", location),
                     .offset = as<std::int64_t>(pickle, items[1], "tensor offset", "a whole number", location),
                     .shape = extents(pickle, items[2], "tensor shape", location),
                     .strides = extents(pickle, items[3], "tensor strides", location)};
  check_view(tensor, location);
  return tensor;
}

}  // namespace

bool is_known_global(const std::string& name) {
  if (name == kOrderedDict || name == kTensor || name == kParameter) return true;
  return std::any_of(kStorages.begin(), kStorages.end(), [&](const auto& entry) { return entry.first == name; });
}

TorchStorage storage_of(const Pickle& pickle, const PickleValue& id, const std::string& location) {
  const auto* const parts = std::get_if<PickleSequence>(&id);
  if (parts == nullptr || parts->items.size() != 5) {
    throw data_error(location, "storage: expected ('storage', TYPE, key, location, numel), got {}", kind_of(id));
  }
  const auto& word = as<std::string>(pickle, parts->items[0], "storage", "the text 'storage'", location);
  const auto& type = as<PickleGlobal>(pickle, parts->items[1], "storage", "its type", location);
  const auto* const known =
      std::find_if(kStorages.begin(), kStorages.end(), [&](const auto& entry) { return entry.first == type.name; });
  if (word != "storage" || known == kStorages.end()) {
    throw data_error(location, "expected a typed storage, got '{}' of '{}'", word, type.name);
  }
  TorchStorage storage{.dtype = known->second,
                       .key = as<std::string>(pickle, parts->items[2], "storage key", "a text", location),
                       .numel = as<std::int64_t>(pickle, parts->items[4], "storage size", "a whole number", location)};
  // Every tensor has a copy of it.
  if (storage.key.size() > kMaxKey)
    throw data_error(location, "storage key: {} letters, limit {}", storage.key.size(), kMaxKey);
  if (storage.numel < 0) throw data_error(location, "storage '{}': negative size {}", storage.key, storage.numel);
  return storage;
}

PickleValue call_global(const Pickle& pickle, const std::string& name, const PickleSequence& arguments,
                        const std::string& location) {
  if (name == kTensor) return rebuilt_tensor(pickle, arguments.items, location);
  if (name == kParameter) {
    if (arguments.items.size() != 3) {
      throw data_error(location, "{}: expected 3 arguments, got {}", name, arguments.items.size());
    }
    return as<TorchTensor>(pickle, arguments.items[0], "parameter", "a tensor", location);
  }
  if (name == kOrderedDict && arguments.items.empty()) return PickleDict{};
  throw data_error(location, "'{}' is called with {} arguments; that is not how torch.save writes it", name,
                   arguments.items.size());
}

}  // namespace recon
