#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "recon/core/tensor_spec.h"

namespace recon {

/// Gives back to the kernel what was freed and kept for later: it would count as held.
void return_freed_memory();

/// A float32 array [B, C, H, W] that is read and written some rows at a time: in memory, or in a scratch file without a
/// name, which is gone when the process is. Scratch files are in $TMPDIR, without it in /var/tmp.
class RowStore {
 public:
  enum class Place { memory, file };
  /// All zeros. Throws Error(usage) where a scratch file cannot be made.
  RowStore(Shape shape, Place place);
  ~RowStore();
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;

  const Shape& shape() const { return shape_; }
  /// Rows `from` to `to`, [B, C, to - from, W]: to be read only, they may be the store's own.
  at::Tensor read(std::int64_t from, std::int64_t to) const;
  /// `rows` [B, C, n, W] become, or are added to, the rows from `from` on. A full disk is an Error(usage).
  void write(std::int64_t from, const at::Tensor& rows);
  void add(std::int64_t from, const at::Tensor& rows);

 private:
  std::int64_t row_bytes() const;

  Shape shape_;
  at::Tensor memory_;  ///< undefined: in the file, row after row [H, B, C, W]
  int file_ = -1;
};

}  // namespace recon
