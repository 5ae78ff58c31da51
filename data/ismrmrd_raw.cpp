#include "data/ismrmrd_raw.h"

#include <ATen/ATen.h>
#include <ismrmrd/dataset.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "data/hdf5/handle.h"
#include "data/isolated_process.h"
#include "recon/core/error.h"

namespace recon {
namespace {

static_assert(std::is_trivially_copyable_v<Readout>);

Readout summary_of(const ISMRMRD::ISMRMRD_AcquisitionHeader& head) {
  return {.flags = head.flags,
          .samples = head.number_of_samples,
          .channels = head.active_channels,
          .discard_pre = head.discard_pre,
          .discard_post = head.discard_post,
          .centre_sample = head.center_sample,
          .phase_step = head.idx.kspace_encode_step_1,
          .partition = head.idx.kspace_encode_step_2,
          .encoding = head.encoding_space_ref,
          .trajectory_dimensions = head.trajectory_dimensions,
          .counters = {head.idx.slice, head.idx.contrast, head.idx.phase, head.idx.repetition, head.idx.set},
          .dwell_us = static_cast<double>(head.sample_time_us)};
}

constexpr char good = 'G', bad = 'B';

/// A file open for reading. The library's own opening asks for writing, which takes a lock that keeps other readers out
/// and changes the time of the file.
class OpenFile {
 public:
  OpenFile(const std::string& path, const std::string& group) {
    require(ismrmrd_init_dataset(&file_, path.c_str(), group.c_str()));
    file_.fileid = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file_.fileid < 0) throw std::runtime_error("it cannot be opened");
    require(ismrmrd_init_acquisition(&acquisition_));
  }
  ~OpenFile() {
    ismrmrd_cleanup_acquisition(&acquisition_);
    ismrmrd_close_dataset(&file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  std::string xml() const {
    const std::unique_ptr<char, decltype(&std::free)> text(ismrmrd_read_header(&file_), &std::free);
    if (!text) throw std::runtime_error(ISMRMRD::build_exception_string());
    return text.get();
  }
  std::uint32_t acquisitions() const { return ismrmrd_get_number_of_acquisitions(&file_); }
  /// Valid until the next call.
  const ISMRMRD::ISMRMRD_Acquisition& acquisition(std::uint32_t index) {
    require(ismrmrd_read_acquisition(&file_, index, &acquisition_));
    return acquisition_;
  }

 private:
  static void require(int status) {
    if (status != ISMRMRD::ISMRMRD_NOERROR) throw std::runtime_error(ISMRMRD::build_exception_string());
  }

  ISMRMRD::ISMRMRD_Dataset file_{};
  ISMRMRD::ISMRMRD_Acquisition acquisition_{};
};

/// In the child: `good`, the XML header's length and text, then all acquisitions; or `bad` and the library's complaint.
std::string packed_file(const std::string& path, const std::string& group) {
  std::string bytes;
  const auto append = [&](const void* from, std::size_t count) { bytes.append(static_cast<const char*>(from), count); };
  try {
    OpenFile file(path, group);
    const std::string xml = file.xml();
    const std::uint64_t length = xml.size();
    bytes += good;
    append(&length, sizeof length);
    bytes += xml;
    const std::uint32_t count = file.acquisitions();
    for (std::uint32_t i = 0; i < count; ++i) {
      const ISMRMRD::ISMRMRD_Acquisition& acquisition = file.acquisition(i);
      const Readout readout = summary_of(acquisition.head);
      append(&readout, sizeof readout);
      append(acquisition.data, sizeof(complex_float_t) * static_cast<std::size_t>(readout.samples * readout.channels));
      append(acquisition.traj,
             sizeof(float) * static_cast<std::size_t>(readout.samples * readout.trajectory_dimensions));
    }
  } catch (const std::exception& error) {
    return bad + std::string(error.what());
  }
  return bytes;
}

/// The acquisitions in the packed bytes after `at`.
std::vector<Acquisition> unpacked(const std::string& bytes, std::size_t at, const std::string& path) {
  std::vector<Acquisition> acquisitions;
  while (at < bytes.size()) {
    Acquisition acquisition;
    std::memcpy(&acquisition.head, bytes.data() + at, sizeof acquisition.head);
    at += sizeof acquisition.head;
    acquisition.data = bytes.data() + at;
    at += 8 * static_cast<std::size_t>(acquisition.head.samples * acquisition.head.channels);
    acquisition.trajectory = bytes.data() + at;
    at += sizeof(float) * static_cast<std::size_t>(acquisition.head.samples * acquisition.head.trajectory_dimensions);
    acquisition.index = acquisitions.size();
    const Readout& head = acquisition.head;
    if (head.kept_samples() < 1 || head.channels < 1) {
      throw data_error(path, "acquisition {}: expected samples and channels, found {} ({} + {} to be discarded) and {}",
                       acquisition.index, head.samples, head.discard_pre, head.discard_post, head.channels);
    }
    acquisitions.push_back(acquisition);
  }
  return acquisitions;
}

}  // namespace

bool Readout::is_noise() const { return has(ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT); }
bool Readout::is_reversed() const { return has(ISMRMRD::ISMRMRD_ACQ_IS_REVERSE); }
bool Readout::calibrates_and_images() const { return has(ISMRMRD::ISMRMRD_ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING); }
bool Readout::is_calibration() const {
  return has(ISMRMRD::ISMRMRD_ACQ_IS_PARALLEL_CALIBRATION) && !calibrates_and_images();
}

std::string Readout::left_out_as() const {
  if (has(ISMRMRD::ISMRMRD_ACQ_IS_NAVIGATION_DATA)) return "navigation";
  if (has(ISMRMRD::ISMRMRD_ACQ_IS_PHASECORR_DATA)) return "phase correction";
  if (has(ISMRMRD::ISMRMRD_ACQ_IS_HPFEEDBACK_DATA) || has(ISMRMRD::ISMRMRD_ACQ_IS_RTFEEDBACK_DATA)) return "feedback";
  if (has(ISMRMRD::ISMRMRD_ACQ_IS_DUMMYSCAN_DATA)) return "dummy";
  if (has(ISMRMRD::ISMRMRD_ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA)) return "surface coil correction";
  const bool stabilization =
      has(ISMRMRD::ISMRMRD_ACQ_IS_PHASE_STABILIZATION_REFERENCE) || has(ISMRMRD::ISMRMRD_ACQ_IS_PHASE_STABILIZATION);
  return stabilization ? "phase stabilization" : "";
}

at::Tensor Acquisition::values() const {
  at::Tensor values = at::empty({head.channels, head.samples}, at::kComplexFloat);
  std::memcpy(values.data_ptr(), data, values.nbytes());
  values = values.narrow(1, head.discard_pre, head.kept_samples());
  return head.is_reversed() ? values.flip(1) : values;
}

at::Tensor Acquisition::positions() const {
  at::Tensor positions = at::empty({head.samples, head.trajectory_dimensions}, at::kFloat);
  std::memcpy(positions.data_ptr(), trajectory, positions.nbytes());
  positions = positions.narrow(0, head.discard_pre, head.kept_samples()).to(at::kDouble);
  return head.is_reversed() ? positions.flip(0) : positions;
}

RawFile read_ismrmrd_raw(const std::string& path, const std::string& group) {
  std::error_code absent;
  const auto file_bytes = std::filesystem::file_size(path, absent);
  if (absent) throw data_error(path, "cannot be read: {}", absent.message());
  // libismrmrd takes some 0.3 ms for each acquisition, and disks deliver.
  const auto seconds = 20 + static_cast<unsigned>(file_bytes >> 20);
  RawFile raw;
  const hdf5::Lock lock;  // libismrmrd calls HDF5 too
  auto packed = run_isolated([&] { return packed_file(path, group); }, seconds);
  if (!packed) throw data_error(path, "libismrmrd cannot read the file: damaged; fetch it again");
  raw.bytes = std::move(*packed);
  if (raw.bytes.empty() || raw.bytes[0] != good) {
    std::string reason = raw.bytes.empty() ? "nothing" : raw.bytes.substr(1);
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    throw data_error(path, "libismrmrd cannot read the file ({}); damaged, or not ISMRMRD", reason);
  }
  std::uint64_t length = 0;
  std::memcpy(&length, raw.bytes.data() + 1, sizeof length);
  const std::size_t start = 1 + sizeof length;
  raw.xml = raw.bytes.substr(start, length);
  raw.acquisitions = unpacked(raw.bytes, start + length, path);
  return raw;
}

}  // namespace recon
