#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <utility>
#include <vector>

#include "recon/core/device_backend.h"

namespace recon {

/// The time that pieces of work take on a device: on the CPU by the clock, on others between two points in their queue,
/// so that nobody waits for the device before the sum is asked for.
class DeviceTime {
 public:
  explicit DeviceTime(c10::Device device) : device_(device) {}

  /// Measures the scope it lives in.
  class Piece {
   public:
    explicit Piece(DeviceTime& time);
    ~Piece();
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;

   private:
    DeviceTime& time_;
    double start_ = 0;                     ///< on the CPU
    std::unique_ptr<DeviceMoment> begin_;  ///< on other devices
  };

  /// Of all pieces so far; waits for the device.
  double seconds();

 private:
  using Span = std::pair<std::unique_ptr<DeviceMoment>, std::unique_ptr<DeviceMoment>>;

  c10::Device device_;
  double seconds_ = 0;
  std::vector<Span> open_;  ///< not yet in the sum
};

}  // namespace recon
