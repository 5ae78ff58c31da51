#include "data/hdf5/chunks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "data/hdf5/foreign.h"
#include "data/hdf5/lzf_filter.h"

namespace recon::hdf5 {
namespace {

constexpr std::uint64_t checksum_bytes = 4;  // of fletcher32, behind its data

/// Bytes that a zlib stream unpacks to, counted no further than one beyond `limit`; nothing when it is damaged.
std::optional<std::uint64_t> inflated_bytes(const std::vector<Bytef>& packed, std::uint64_t limit) {
  z_stream stream{};
  stream.next_in = const_cast<Bytef*>(packed.data());  // zlib's interface; it does not write there
  stream.avail_in = static_cast<uInt>(packed.size());
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, [](z_stream* ended) { return inflateEnd(ended); });
  std::array<Bytef, 16384> window{};
  int status = Z_OK;
  while (status == Z_OK && stream.total_out <= limit) {
    stream.next_out = window.data();
    stream.avail_out = window.size();
    status = inflate(&stream, Z_NO_FLUSH);
  }
  if (status != Z_OK && status != Z_STREAM_END) return std::nullopt;
  return stream.total_out;
}

/// What one dataset has of chunks.
class Chunks {
 public:
  Chunks(hid_t dataset, const FileState& file, const std::string& location)
      : dataset_(dataset),
        home_bytes_(file.bytes > 0 ? bytes_of_home(dataset, location) : 0),
        location_(location),
        properties_(checked(H5Dget_create_plist(dataset), location, "read its layout", damaged), H5Pclose) {
    if (H5Pget_layout(properties_.get()) != H5D_CHUNKED) return;
    shape_.resize(H5S_MAX_RANK);
    const int rank = H5Pget_chunk(properties_.get(), H5S_MAX_RANK, shape_.data());
    if (rank < 1) throw failure(location, "read its chunks", damaged);
    shape_.resize(static_cast<std::size_t>(rank));
    const Handle type(checked(H5Dget_type(dataset), location, "read its type", damaged), H5Tclose);
    bytes_ = H5Tget_size(type.get());
    for (const hsize_t extent : shape_) bytes_ *= extent;  // bounded by require_plausible()
    read_filters();
  }

  const std::vector<hsize_t>& shape() const { return shape_; }

  void require_whole(const std::vector<hsize_t>& offset) const {
    hsize_t stored = 0;
    if (H5Dget_chunk_storage_size(dataset_, offset.data(), &stored) < 0) H5Eclear2(H5E_DEFAULT);
    if (stored > 0 && filters_.empty()) stored = indexed_bytes(offset, stored);
    if (stored == 0) {
      if (!all_are_stored_) all_are_stored_ = count_says_all_are_stored();
      if (*all_are_stored_) {
        throw data_error(location_, "the chunk at {} is not where the index says, though all are there; {}",
                         to_string(Shape(offset.begin(), offset.end())), damaged);
      }
      return;
    }
    if (home_bytes_ > 0 && stored > static_cast<hsize_t>(home_bytes_)) {
      throw data_error(location_, "a chunk claims {} bytes in a file of {}; {}", stored, home_bytes_, damaged);
    }
    const auto unpacked = filters_.empty() ? std::optional<std::uint64_t>(stored) : unpacked_bytes(offset, stored);
    if (!unpacked || *unpacked == bytes_) return;
    throw data_error(location_, "expected chunks of {} bytes, the one at {} unpacks to {}; {}", bytes_,
                     to_string(Shape(offset.begin(), offset.end())), *unpacked, damaged);
  }

 private:
  /// What the index says of a chunk. Without filters HDF5 answers with the size of any chunk: where damage has taken
  /// the filters away, packed bytes would be read as numbers, and beyond their end.
  hsize_t indexed_bytes(const std::vector<hsize_t>& offset, hsize_t otherwise) const {
    unsigned skipped = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t bytes = 0;
    if (H5Dget_chunk_info_by_coord(dataset_, offset.data(), &skipped, &address, &bytes) < 0) {
      H5Eclear2(H5E_DEFAULT);
      return otherwise;
    }
    return address == HADDR_UNDEF || bytes == 0 ? otherwise : bytes;
  }

  /// Whether the file has as many chunks of the dataset as its shape has room for: then none can be missing.
  bool count_says_all_are_stored() const {
    const Handle space(checked(H5Dget_space(dataset_), location_, "read its shape", damaged), H5Sclose);
    std::vector<hsize_t> extents(shape_.size());
    hsize_t count = 0, room = 1;
    if (H5Sget_simple_extent_ndims(space.get()) != static_cast<int>(shape_.size()) ||
        H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) < 0 ||
        H5Dget_num_chunks(dataset_, space.get(), &count) < 0) {
      throw failure(location_, "count its chunks", damaged);
    }
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      room *= (extents[axis] + shape_[axis] - 1) / shape_[axis];
    }
    return count >= room;
  }

  void read_filters() {
    const int count = H5Pget_nfilters(properties_.get());
    for (int i = 0; i < count; ++i) {
      unsigned flags = 0, config = 0;
      std::array<unsigned, 8> values{};
      std::size_t used = values.size();
      const H5Z_filter_t id = H5Pget_filter2(properties_.get(), static_cast<unsigned>(i), &flags, &used, values.data(),
                                             0, nullptr, &config);
      filters_.push_back(id);
      if (id == lzf_filter && (used < 3 || values[2] != bytes_)) {
        throw data_error(location_, "expected chunks of {} bytes, its lzf compression says {}; {}", bytes_, values[2],
                         damaged);
      }
      if (H5Zfilter_avail(id) <= 0) {
        throw data_error(location_,
                         "compressed by the HDF5 filter {}, which recon does not have; unpack the file first: "
                         "h5repack -f NONE",
                         id);
      }
    }
  }

  /// Nothing for filters that see to it themselves.
  std::optional<std::uint64_t> unpacked_bytes(const std::vector<hsize_t>& offset, hsize_t stored) const {
    std::vector<Bytef> packed(stored);
    std::uint32_t skipped = 0;
    if (H5Dread_chunk(dataset_, H5P_DEFAULT, offset.data(), &skipped, packed.data()) < 0) {
      throw failure(location_, "read a chunk", damaged);
    }
    // Unpacked in the reverse order; shuffle keeps the size.
    for (std::size_t i = filters_.size(); i-- > 0;) {
      if ((skipped >> i & 1U) != 0U || filters_[i] == H5Z_FILTER_SHUFFLE) continue;
      if (filters_[i] == H5Z_FILTER_FLETCHER32) {
        packed.resize(packed.size() - std::min<std::uint64_t>(packed.size(), checksum_bytes));
      } else if (filters_[i] == H5Z_FILTER_DEFLATE) {
        const auto bytes = inflated_bytes(packed, bytes_ + checksum_bytes);
        if (!bytes)
          throw data_error(location_, "cannot unpack the chunk at {} (gzip); {}",
                           to_string(Shape(offset.begin(), offset.end())), damaged);
        const bool checked_first =
            std::find(filters_.begin(), filters_.begin() + static_cast<std::ptrdiff_t>(i), H5Z_FILTER_FLETCHER32) !=
            filters_.begin() + static_cast<std::ptrdiff_t>(i);
        return *bytes - (checked_first ? std::min(*bytes, checksum_bytes) : 0);
      } else {
        return std::nullopt;
      }
    }
    return packed.size();
  }

  hid_t dataset_;
  std::int64_t home_bytes_;  ///< 0: a file that is being written
  const std::string& location_;
  Handle properties_;
  std::vector<hsize_t> shape_;  ///< empty: not chunked
  std::uint64_t bytes_ = 0;     ///< of a chunk, unpacked
  std::vector<H5Z_filter_t> filters_;
  mutable std::optional<bool> all_are_stored_;  ///< asked once: HDF5 goes through the index for it
};

}  // namespace

void require_whole_chunks(hid_t dataset, const Shape& first, const Shape& count, const FileState& file,
                          const std::string& location) {
  const Chunks chunks(dataset, file, location);
  const auto& shape = chunks.shape();
  if (shape.empty() || shape.size() != first.size()) return;
  for (const auto extent : count) {
    if (extent < 1) return;
  }
  std::vector<hsize_t> begin(shape.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    begin[axis] = static_cast<hsize_t>(first[axis]) / shape[axis] * shape[axis];
  }
  std::vector<hsize_t> offset = begin;
  // Whether there was a next chunk; the last axis runs fastest.
  const auto advance = [&] {
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      offset[axis] += shape[axis];
      if (offset[axis] < static_cast<hsize_t>(first[axis] + count[axis])) return true;
      offset[axis] = begin[axis];
    }
    return false;
  };
  do {
    chunks.require_whole(offset);
  } while (advance());
}

}  // namespace recon::hdf5
