#include "recon/solvers/device_time.h"

#include <chrono>

#include "recon/core/device.h"

namespace recon {
namespace {

constexpr std::size_t kMostOpen = 4096;  // events are a resource: beyond this many, one wait in so many pieces

double now_in_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

DeviceTime::Piece::Piece(DeviceTime& time) : time_(time) {
  if (time.device_.is_cpu()) {
    start_ = now_in_seconds();
  } else {
    begin_ = device_backend(time.device_).moment(time.device_.index());
  }
}

DeviceTime::Piece::~Piece() {
  if (begin_ == nullptr) {
    time_.seconds_ += now_in_seconds() - start_;
    return;
  }
  time_.open_.emplace_back(std::move(begin_), device_backend(time_.device_).moment(time_.device_.index()));
  if (time_.open_.size() >= kMostOpen) time_.seconds();
}

double DeviceTime::seconds() {
  for (const auto& [begin, end] : open_) seconds_ += end->seconds_since(*begin);
  open_.clear();
  return seconds_;
}

}  // namespace recon
