#include "data/ismrmrd_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>
#include <ismrmrd/dataset.h>
#include <ismrmrd/xml.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include "data/hdf5/handle.h"
#include "data/hdf5/isolated.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

/// What is kept of an acquisition's header; the samples follow it, [channels, samples] complex64.
struct Readout {
  std::uint64_t flags = 0;
  std::int64_t samples = 0, channels = 0, discard_pre = 0, discard_post = 0, centre_sample = 0;
  std::int64_t phase_step = 0, partition = 0;
  std::array<std::int64_t, 5> counters{};  ///< slice, contrast, phase, repetition, set
  double dwell_us = 0;

  bool has(int flag) const { return (flags & (std::uint64_t{1} << (flag - 1))) != 0; }
  bool left_out() const {
    return has(ISMRMRD::ISMRMRD_ACQ_IS_NAVIGATION_DATA) || has(ISMRMRD::ISMRMRD_ACQ_IS_PHASECORR_DATA) ||
           has(ISMRMRD::ISMRMRD_ACQ_IS_HPFEEDBACK_DATA) || has(ISMRMRD::ISMRMRD_ACQ_IS_DUMMYSCAN_DATA) ||
           has(ISMRMRD::ISMRMRD_ACQ_IS_RTFEEDBACK_DATA) ||
           has(ISMRMRD::ISMRMRD_ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA) ||
           has(ISMRMRD::ISMRMRD_ACQ_IS_PHASE_STABILIZATION_REFERENCE) ||
           has(ISMRMRD::ISMRMRD_ACQ_IS_PHASE_STABILIZATION);
  }
};
static_assert(std::is_trivially_copyable_v<Readout>);

Readout summary_of(const ISMRMRD::AcquisitionHeader& head) {
  return {.flags = head.flags,
          .samples = head.number_of_samples,
          .channels = head.active_channels,
          .discard_pre = head.discard_pre,
          .discard_post = head.discard_post,
          .centre_sample = head.center_sample,
          .phase_step = head.idx.kspace_encode_step_1,
          .partition = head.idx.kspace_encode_step_2,
          .counters = {head.idx.slice, head.idx.contrast, head.idx.phase, head.idx.repetition, head.idx.set},
          .dwell_us = static_cast<double>(head.sample_time_us)};
}

constexpr char good = 'G', bad = 'B';

/// In the child: `good`, the XML header's length and text, then all acquisitions; or `bad` and the library's complaint.
std::string packed_file(const std::string& path) {
  std::string bytes;
  const auto append = [&](const void* from, std::size_t count) { bytes.append(static_cast<const char*>(from), count); };
  try {
    ISMRMRD::Dataset file(path.c_str(), "dataset", false);
    std::string xml;
    file.readHeader(xml);
    const std::uint64_t length = xml.size();
    bytes += good;
    append(&length, sizeof length);
    bytes += xml;
    ISMRMRD::Acquisition acquisition;
    const std::uint32_t count = file.getNumberOfAcquisitions();
    for (std::uint32_t i = 0; i < count; ++i) {
      file.readAcquisition(i, acquisition);
      const Readout readout = summary_of(acquisition.getHead());
      append(&readout, sizeof readout);
      append(acquisition.getDataPtr(), sizeof(complex_float_t) * acquisition.getNumberOfDataElements());
    }
  } catch (const std::exception& error) {
    return bad + std::string(error.what());
  }
  return bytes;
}

struct Acquisition {
  Readout head;
  const char* data = nullptr;  ///< into the packed bytes

  /// [channels, samples] without the samples to be discarded; the centre moves along.
  at::Tensor samples(std::int64_t* centre) const {
    at::Tensor values = at::empty({head.channels, head.samples}, at::kComplexFloat);
    std::memcpy(values.data_ptr(), data, values.nbytes());
    values = values.narrow(1, head.discard_pre, head.samples - head.discard_pre - head.discard_post);
    *centre = head.centre_sample - head.discard_pre;
    if (!head.has(ISMRMRD::ISMRMRD_ACQ_IS_REVERSE)) return values;
    *centre = values.size(1) - 1 - *centre;
    return values.flip(1);
  }
};

struct RawFile {
  std::string bytes, xml;
  std::vector<Acquisition> acquisitions;
};

RawFile read_raw(const std::string& path) {
  std::error_code absent;
  const auto file_bytes = std::filesystem::file_size(path, absent);
  if (absent) throw data_error(path, "cannot be read: {}", absent.message());
  // libismrmrd takes some 0.3 ms for each acquisition, and disks deliver.
  const auto seconds = 20 + static_cast<unsigned>(file_bytes >> 20);
  RawFile raw;
  const hdf5::Lock lock;  // libismrmrd calls HDF5 too
  auto packed = hdf5::run_isolated([&] { return packed_file(path); }, seconds);
  if (!packed) throw data_error(path, "libismrmrd cannot read the file: damaged; fetch it again");
  raw.bytes = std::move(*packed);
  if (raw.bytes.empty() || raw.bytes[0] != good) {
    std::string reason = raw.bytes.empty() ? "nothing" : raw.bytes.substr(1);
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    throw data_error(path, "libismrmrd cannot read the file ({}); damaged, or not ISMRMRD", reason);
  }
  std::uint64_t length = 0;
  std::memcpy(&length, raw.bytes.data() + 1, sizeof length);
  std::size_t at = 1 + sizeof length;
  raw.xml = raw.bytes.substr(at, length);
  at += length;
  while (at < raw.bytes.size()) {
    Acquisition acquisition;
    std::memcpy(&acquisition.head, raw.bytes.data() + at, sizeof acquisition.head);
    at += sizeof acquisition.head;
    acquisition.data = raw.bytes.data() + at;
    at += 8 * static_cast<std::size_t>(acquisition.head.samples * acquisition.head.channels);
    const Readout& head = acquisition.head;
    if (head.samples - head.discard_pre - head.discard_post < 1 || head.channels < 1) {
      throw data_error(path, "acquisition {}: expected samples and channels, found {} ({} + {} to be discarded) and {}",
                       raw.acquisitions.size(), head.samples, head.discard_pre, head.discard_post, head.channels);
    }
    raw.acquisitions.push_back(acquisition);
  }
  return raw;
}

/// Sorts acquisitions into k-spaces.
class Sorter {
 public:
  Sorter(const std::string& path, const IsmrmrdGeometry& geometry) : path_(path), geometry_(geometry) {}

  void add(const Acquisition& acquisition, std::size_t index) {
    const Readout& head = acquisition.head;
    if (head.left_out()) {
      ++left_out_;
      return;
    }
    const std::string location = fmt::format("{} acquisition {}", path_, index);
    if (channels_ == 0) channels_ = head.channels;
    if (head.channels != channels_) {
      throw data_error(location, "expected {} channels as before, found {}", channels_, head.channels);
    }
    std::int64_t centre = 0;
    const at::Tensor samples = acquisition.samples(&centre);
    require_finite(samples, location);
    if (head.has(ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT)) {
      noise_.push_back(samples);
      noise_dwell_us_ = head.dwell_us;
      return;
    }
    if (head.partition != 0)
      throw data_error(location, "expected two-dimensional slices, found partition {}", head.partition);
    const std::int64_t column = head.phase_step - geometry_.phase_centre + geometry_.encoded_columns / 2;
    const std::int64_t row = geometry_.encoded_rows / 2 - centre;
    if (column < 0 || column >= geometry_.encoded_columns || row < 0 ||
        row + samples.size(1) > geometry_.encoded_rows) {
      throw data_error(location,
                       "phase step {} and {} samples around {} do not lie in the encoded {} x {} of the header",
                       head.phase_step, samples.size(1), centre, geometry_.encoded_rows, geometry_.encoded_columns);
    }
    Item& item = item_of(head.counters, location);
    item.sum.narrow(1, row, samples.size(1)).select(2, column).add_(samples);
    item.count.narrow(0, row, samples.size(1)).select(1, column).add_(1);
    data_dwell_us_ = head.dwell_us;
  }

  KspaceSet finish() {
    if (items_.empty()) throw data_error(path_, "there is no imaging acquisition");
    KspaceSet set{
        .format = "ISMRMRD", .ids = {}, .kspace = {}, .noise = {}, .readout = geometry_.readout, .description = {}};
    std::vector<at::Tensor> spaces;
    double averages = 1;
    for (auto& [counters, item] : items_) {
      set.ids.push_back(id_of(counters));
      averages = std::max(averages, item.count.max().item<double>());
      spaces.push_back(item.sum.div_(item.count.clamp_min(1)));
    }
    set.kspace = at::stack(spaces);
    if (!noise_.empty()) set.noise = at::cat(noise_, 1) * noise_scale();
    set.description =
        fmt::format("{}{}{}", geometry_.system, averages > 1 ? fmt::format("; up to {:g} averages", averages) : "",
                    left_out_ > 0 ? fmt::format("; {} acquisitions left out", left_out_) : "");
    return set;
  }

 private:
  using Counters = std::array<std::int64_t, 5>;
  struct Item {
    at::Tensor sum, count;
  };

  Item& item_of(const Counters& counters, const std::string& location) {
    const auto found = items_.find(counters);
    if (found != items_.end()) return found->second;
    const std::int64_t rows = geometry_.encoded_rows, columns = geometry_.encoded_columns;
    constexpr std::int64_t max_bytes = std::int64_t{16} << 30;
    const std::int64_t bytes = 8 * channels_ * rows * columns;
    if (bytes > max_bytes / (static_cast<std::int64_t>(items_.size()) + 1)) {
      throw data_error(location, "{} slices of {} coils x {} x {} are more than 16 GiB; split the file",
                       items_.size() + 1, channels_, rows, columns);
    }
    return items_[counters] = {at::zeros({channels_, rows, columns}, at::kComplexFloat), at::zeros({rows, columns})};
  }

  /// Only the counters that are ever other than 0.
  std::string id_of(const Counters& counters) const {
    constexpr std::array names{"slice", "contrast", "phase", "repetition", "set"};
    std::string id = fmt::format("slice{}", counters[0]);
    for (std::size_t i = 1; i < names.size(); ++i) {
      bool varies = false;
      for (const auto& [other, item] : items_) varies = varies || other[i] != 0;
      if (varies) id += fmt::format("_{}{}", names[i], counters[i]);
    }
    return id;
  }

  /// White noise has a variance proportional to the bandwidth, 1 / dwell time.
  double noise_scale() const {
    if (!(noise_dwell_us_ > 0) || !(data_dwell_us_ > 0)) return 1;
    return std::sqrt(noise_dwell_us_ / (data_dwell_us_ * geometry_.noise_bandwidth));
  }

  const std::string& path_;
  const IsmrmrdGeometry& geometry_;
  std::int64_t channels_ = 0, left_out_ = 0;
  std::map<Counters, Item> items_;
  std::vector<at::Tensor> noise_;
  double noise_dwell_us_ = 0, data_dwell_us_ = 0;
};

std::string system_text(const ISMRMRD::IsmrmrdHeader& header) {
  std::string text;
  const auto& system = header.acquisitionSystemInformation;
  if (system && system->systemVendor) text += *system->systemVendor + " ";
  if (system && system->systemModel) text += *system->systemModel + " ";
  if (system && system->systemFieldStrength_T) text += fmt::format("{:g} T ", *system->systemFieldStrength_T);
  const auto& measurement = header.measurementInformation;
  if (measurement && measurement->protocolName) text += *measurement->protocolName;
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text.empty() ? "system not stated" : text;
}

}  // namespace

IsmrmrdGeometry parse_ismrmrd_header(const std::string& xml, const std::string& location) {
  ISMRMRD::IsmrmrdHeader header;
  try {
    ISMRMRD::deserialize(xml.c_str(), header);
  } catch (const std::exception& error) {
    throw data_error(location, "expected an ISMRMRD header (XML), cannot parse it ({})", error.what());
  }
  if (header.encoding.empty()) throw data_error(location, "the ISMRMRD header has no `encoding`");
  const ISMRMRD::Encoding& encoding = header.encoding.front();
  const auto& encoded = encoding.encodedSpace;
  const auto& wanted = encoding.reconSpace;
  if (encoded.matrixSize.x < 1 || encoded.matrixSize.y < 1 || wanted.matrixSize.x < 1) {
    throw data_error(location, "the ISMRMRD header has an empty matrix: encoded {} x {}, wanted {}",
                     encoded.matrixSize.x, encoded.matrixSize.y, wanted.matrixSize.x);
  }
  IsmrmrdGeometry geometry{.encoded_rows = encoded.matrixSize.x,
                           .encoded_columns = encoded.matrixSize.y,
                           .encoded_partitions = encoded.matrixSize.z,
                           .readout = encoded.matrixSize.x,
                           .phase_centre = encoded.matrixSize.y / 2,
                           .noise_bandwidth = 1,
                           .cartesian = encoding.trajectory == ISMRMRD::TrajectoryType::CARTESIAN,
                           .system = system_text(header)};
  if (encoding.encodingLimits.kspace_encoding_step_1) {
    geometry.phase_centre = encoding.encodingLimits.kspace_encoding_step_1->center;
  }
  const double share = static_cast<double>(wanted.fieldOfView_mm.x) / static_cast<double>(encoded.fieldOfView_mm.x);
  if (share > 0 && share < 1) {
    geometry.readout = std::max<std::int64_t>(1, std::llround(share * static_cast<double>(geometry.encoded_rows)));
  }
  const auto& system = header.acquisitionSystemInformation;
  if (system && system->relativeReceiverNoiseBandwidth && *system->relativeReceiverNoiseBandwidth > 0) {
    geometry.noise_bandwidth = static_cast<double>(*system->relativeReceiverNoiseBandwidth);
  }
  return geometry;
}

KspaceSet read_ismrmrd(const std::string& path) {
  const RawFile raw = read_raw(path);
  const IsmrmrdGeometry geometry = parse_ismrmrd_header(raw.xml, path + ":/dataset/xml");
  if (!geometry.cartesian || geometry.encoded_partitions > 1) {
    throw data_error(path, "expected a Cartesian two-dimensional encoding, found {}",
                     geometry.cartesian ? fmt::format("{} partitions (3-D)", geometry.encoded_partitions)
                                        : std::string("another trajectory"));
  }
  Sorter sorter(path, geometry);
  for (std::size_t i = 0; i < raw.acquisitions.size(); ++i) sorter.add(raw.acquisitions[i], i);
  return sorter.finish();
}

}  // namespace recon
