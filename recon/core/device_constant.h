#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace recon {

/// An immutable array owned by an operator or prior (mask, kernel, transfer function), kept in double precision, or, by
/// as_given(), in that of large arrays from a file.
///
/// `like(x)` gives it on the device and in the precision of `x`, converting once per combination. So operators need no
/// `to(device)`: they follow their input. Thread-safe; copies share the cache.
class DeviceConstant {
 public:
  DeviceConstant() = default;
  /// Any real or complex tensor; integers and bools become float64.
  explicit DeviceConstant(const at::Tensor& value);
  /// Of floating point, real or complex, in its own precision and memory, which must not change: for large arrays of a
  /// file. Images of that precision need no conversion.
  static DeviceConstant as_given(const at::Tensor& value);

  bool defined() const { return cache_ != nullptr; }
  const at::Tensor& value() const;             ///< on the CPU; float64 or complex128 unless as_given()
  at::Tensor like(const at::Tensor& x) const;  ///< device and precision of x; real stays real, complex stays complex

 private:
  struct Cache;
  std::shared_ptr<Cache> cache_;
};

}  // namespace recon
