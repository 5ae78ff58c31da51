#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace recon {

class OperatorKernels;

/// A point in the queue of a device's work.
class DeviceMoment {
 public:
  virtual ~DeviceMoment() = default;
  /// Waits until the device has come here.
  virtual double seconds_since(const DeviceMoment& earlier) const = 0;
};

/// Work that a device has recorded, with the memory that it reads and writes.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  /// Gives the device all of it in one launch; does not wait for it.
  virtual void replay() const = 0;
};

/// What a kind of device beside the CPU offers beyond ATen. `index` is that of the device among its kind.
class DeviceBackend {
 public:
  virtual ~DeviceBackend() = default;
  virtual int device_count() const = 0;
  virtual std::string device_name(int index) const = 0;
  /// Why nothing can be computed on that device, and what to do; empty: it can.
  virtual std::string refusal(int index) const = 0;
  /// CUDA's compute capability, 10 major + minor; 0 for other kinds of devices.
  virtual int capability(int index) const = 0;
  /// Standard normal values of (keys[i], step) into out[i], a contiguous real tensor `[keys, ...]` of the device: the
  /// same sequences as on the CPU.
  virtual void fill_normal(const at::Tensor& out, const std::vector<std::uint64_t>& keys, std::uint32_t step) const = 0;
  /// Largest number of bytes ATen's allocator has held on the device since the last reset_peak().
  virtual std::int64_t peak_bytes(int index) const = 0;
  /// Bytes that ATen's allocator can still hand out there.
  virtual std::int64_t free_bytes(int index) const = 0;
  virtual void reset_peak(int index) const = 0;
  /// The end of what the device has been given to do; does not wait for it.
  virtual std::unique_ptr<DeviceMoment> moment(int index) const = 0;
  virtual const OperatorKernels& operator_kernels() const = 0;
  /// Records `work` on the device, where it may neither wait for the device nor copy from the host. What it computes is
  /// there after the first replay; memory that it takes must live as long as the graph. Null where this kind of device
  /// records nothing. Throws what `work` throws; nothing is then recorded.
  virtual std::unique_ptr<DeviceGraph> captured(int /*index*/, const std::function<void()>& /*work*/) const {
    return nullptr;
  }
};

}  // namespace recon
