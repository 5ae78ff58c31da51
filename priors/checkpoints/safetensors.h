#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "priors/checkpoints/tensor_file.h"
#include "priors/mapped_file.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// Where one tensor lies in a safetensors file.
struct SafetensorsEntry : StoredTensor {
  std::uint64_t begin = 0, end = 0;  ///< bytes, counted from the end of the header
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON header of a safetensors file whose tensor data is `data_bytes` long.
///
/// Everything a header can lie about is checked here, so that reading afterwards needs no checks: JSON (strict, no
/// duplicate names, bounded nesting), types (F64 F32 F16 BF16 I64 I32 I16 I8 U8), shapes (not negative, product fits in
/// 63 bits), and offsets (in order, within the file, of the length that shape and type say, without overlap or gap).
/// Throws Error(data) at `location` naming the tensor.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                           const std::string& location);

/// A safetensors file: 8 bytes little-endian header length, JSON header, raw little-endian tensor data
/// (https://github.com/huggingface/safetensors, "Format"). Memory-mapped and read-only.
class SafetensorsFile final : public TensorFile {
 public:
  /// Longest header taken: that of the reference implementation.
  static constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

  /// Throws Error(data) naming the file, and the tensor where there is one, for anything that is not as it should be.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  std::string_view bytes() const { return file_.bytes(); }  ///< the whole file

  const SafetensorsEntry* find(const std::string& name) const override;
  at::Tensor tensor(const std::string& name) const override;

 private:
  std::string path_;
  MappedFile file_;
  std::uint64_t data_start_ = 0;
  SafetensorsHeader header_;
  std::map<std::string, std::size_t> index_;
};

/// Writes tensors (any of the types above, from any device) to a safetensors file. Atomic: the file appears complete or
/// not at all. Throws Error(data) naming the file on I/O failure and on types the format lacks.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace recon
