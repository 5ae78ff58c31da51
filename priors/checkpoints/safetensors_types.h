#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace recon {

/// A type of the safetensors format that we read and write.
struct SafetensorsType {
  std::string_view name;
  at::ScalarType dtype;
  std::size_t bytes;
};

inline constexpr std::array kSafetensorsTypes{
    SafetensorsType{"F64", at::kDouble, 8}, SafetensorsType{"F32", at::kFloat, 4},
    SafetensorsType{"F16", at::kHalf, 2},   SafetensorsType{"BF16", at::kBFloat16, 2},
    SafetensorsType{"I64", at::kLong, 8},   SafetensorsType{"I32", at::kInt, 4},
    SafetensorsType{"I16", at::kShort, 2},  SafetensorsType{"I8", at::kChar, 1},
    SafetensorsType{"U8", at::kByte, 1}};

/// By the format's name or by ours; null when it is not one of these.
inline const SafetensorsType* safetensors_type(std::string_view name) {
  for (const auto& type : kSafetensorsTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}
inline const SafetensorsType* safetensors_type(at::ScalarType dtype) {
  for (const auto& type : kSafetensorsTypes) {
    if (type.dtype == dtype) return &type;
  }
  return nullptr;
}

inline std::string known_safetensors_types() {
  std::string names;
  for (const auto& type : kSafetensorsTypes) names += (names.empty() ? "" : " ") + std::string(type.name);
  return names;
}

}  // namespace recon
