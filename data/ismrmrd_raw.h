#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

// Private to data: libismrmrd stays behind this header.
namespace recon {

/// What is kept of an acquisition's header.
struct Readout {
  std::uint64_t flags = 0;
  std::int64_t samples = 0, channels = 0, discard_pre = 0, discard_post = 0, centre_sample = 0;
  std::int64_t phase_step = 0, partition = 0, encoding = 0;
  std::int64_t trajectory_dimensions = 0;  ///< numbers per sample that say where it lies; 0: the header's grid does
  std::array<std::int64_t, 5> counters{};  ///< slice, contrast, phase, repetition, set
  double dwell_us = 0;

  bool has(int flag) const { return (flags & (std::uint64_t{1} << (flag - 1))) != 0; }
  bool is_noise() const;
  bool is_reversed() const;
  bool is_calibration() const;  ///< for coil maps only, by its flag
  bool calibrates_and_images() const;
  std::string left_out_as() const;  ///< what it is for when it is no part of an image: "navigation", ...; else empty
  std::int64_t kept_samples() const { return samples - discard_pre - discard_post; }
};

struct Acquisition {
  Readout head;
  const char* data = nullptr;        ///< into the packed bytes
  const char* trajectory = nullptr;  ///< likewise
  std::size_t index = 0;             ///< in the file

  /// [channels, samples] complex64 in the order of k-space, without the samples to be discarded.
  at::Tensor values() const;
  /// [samples, trajectory_dimensions] float64 of the same samples, in the file's units.
  at::Tensor positions() const;
};

/// A whole ISMRMRD file in memory.
struct RawFile {
  std::string bytes, xml;
  std::vector<Acquisition> acquisitions;  ///< each with a sample and a channel at least
};

/// Reads the group `group` of a file. libismrmrd 1.8 trusts the sizes in a file, so it reads in a child process
/// (data/isolated_process.h): a file that crashes it is one Error(data).
RawFile read_ismrmrd_raw(const std::string& path, const std::string& group);

}  // namespace recon
