#include <ATen/ATen.h>

#include "data/hdf5/attribute.h"
#include "data/hdf5/chunks.h"
#include "data/hdf5/foreign.h"
#include "data/hdf5/lzf_filter.h"
#include "data/hdf5/types.h"

namespace recon::hdf5 {
namespace {

// DEFLATE cannot compress better than this (zlib's technical notes); other built-in filters stay far below.
constexpr std::int64_t max_compression = 1032;
constexpr int max_rank = 16;

bool multiply(std::int64_t& product, std::int64_t factor) { return !__builtin_mul_overflow(product, factor, &product); }

/// Refuses a dataset that claims more than the file can hold, before anything is allocated for it.
void require_plausible(hid_t dataset, const Shape& shape, hid_t type, const FileState& file,
                       const std::string& location) {
  if (file.bytes == 0) return;  // our own, just created
  const Handle properties(checked(H5Dget_create_plist(dataset), location, "read its layout", damaged), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(properties.get());
  if (layout == H5D_VIRTUAL) return require_sources(dataset, shape, location);
  if (H5Pget_external_count(properties.get()) > 0) {
    throw data_error(location, "expected data inside the file, they lie in raw files; copy them in (h5repack)");
  }
  const std::int64_t file_bytes = bytes_of_home(dataset, location);
  std::int64_t bytes = static_cast<std::int64_t>(H5Tget_size(type));
  bool ok = bytes > 0;
  for (const auto extent : shape) ok = ok && extent >= 0 && multiply(bytes, extent);
  const bool filtered = layout == H5D_CHUNKED && H5Pget_nfilters(properties.get()) > 0;
  const auto stored = static_cast<std::int64_t>(H5Dget_storage_size(dataset));
  const auto bound = std::min(stored, file_bytes) * (filtered ? max_compression : 1);
  if (!ok || stored < 0 || bytes > bound) {
    throw data_error(location,
                     "expected as many values as the file holds, it claims {} but only {} bytes are stored in {}; {}",
                     to_string(shape), stored, file_bytes, damaged);
  }
  if (layout != H5D_CHUNKED) return;
  std::vector<hsize_t> chunk(max_rank);
  const int rank = H5Pget_chunk(properties.get(), max_rank, chunk.data());
  std::int64_t chunk_bytes = static_cast<std::int64_t>(H5Tget_size(type));
  for (int axis = 0; axis < rank; ++axis)
    ok = ok && multiply(chunk_bytes, static_cast<std::int64_t>(chunk[static_cast<std::size_t>(axis)]));
  if (!ok || chunk_bytes > std::min(file.limits.max_bytes, file_bytes * max_compression)) {
    throw data_error(location, "its chunks claim {} bytes each in a file of {} bytes; {}", chunk_bytes, file_bytes,
                     damaged);
  }
}

std::string filter_name(H5Z_filter_t id) {
  switch (id) {
    case H5Z_FILTER_DEFLATE:
      return "gzip";
    case H5Z_FILTER_SHUFFLE:
      return "shuffle";
    case H5Z_FILTER_FLETCHER32:
      return "fletcher32";
    case H5Z_FILTER_SZIP:
      return "szip";
    case H5Z_FILTER_NBIT:
      return "nbit";
    case H5Z_FILTER_SCALEOFFSET:
      return "scaleoffset";
    case lzf_filter:
      return "lzf";
    default:
      return fmt::format("filter {}", id);
  }
}

Shape read_shape(hid_t dataset, const std::string& location) {
  const Handle space(checked(H5Dget_space(dataset), location, "read its shape", damaged), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0 || rank > max_rank || H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
    throw data_error(location, "expected an array of rank 0 to {}, got rank {} or an empty dataspace; {}", max_rank,
                     rank, damaged);
  }
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  return {extents.begin(), extents.end()};
}

std::unique_ptr<Handle> disk_type(hid_t dataset, const std::string& location) {
  return std::make_unique<Handle>(checked(H5Dget_type(dataset), location, "read its type", damaged), H5Tclose);
}

/// Dataspaces in file and memory of the entries first .. first+count-1 of every axis.
struct Selection {
  Selection(hid_t dataset, const Shape& first, const Shape& count, const std::string& location)
      : file(H5Dget_space(dataset), H5Sclose), memory(memory_space(count), H5Sclose) {
    const std::vector<hsize_t> start(first.begin(), first.end()), extent(count.begin(), count.end());
    if (H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) < 0) {
      throw failure(location, "select items", damaged);
    }
  }
  static hid_t memory_space(const Shape& count) {
    const std::vector<hsize_t> extent(count.begin(), count.end());
    return H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr);
  }

  Handle file, memory;
};

/// An uninitialised tensor, or Error(data) when it is larger than the limit.
at::Tensor allocate(const Shape& shape, at::ScalarType dtype, const FileState& file, const std::string& location) {
  std::int64_t bytes = static_cast<std::int64_t>(c10::elementSize(dtype));
  bool ok = true;
  for (const auto extent : shape) ok = ok && multiply(bytes, extent);
  if (!ok || bytes > file.limits.max_bytes) {
    throw data_error(location, "{} {} values are more than the limit of {} MiB; read fewer items or raise the limit",
                     to_string(shape), c10::toString(dtype), file.limits.max_bytes >> 20);
  }
  return at::empty(shape, at::dtype(dtype));
}

at::Tensor read_entries(hid_t dataset, const Shape& first, const Shape& count, const FileState& file,
                        const std::string& location) {
  const auto stored = disk_type(dataset, location);
  const at::ScalarType dtype = tensor_type_of(stored->get(), location);
  // Bools as bytes first: a damaged file may hold others than 0 and 1, which a C++ bool must not.
  at::Tensor out = allocate(count, dtype == at::kBool ? at::kByte : dtype, file, location);
  const auto type = reading_type(stored->get(), dtype, location);
  if (out.numel() > 0) {
    require_whole_chunks(dataset, first, count, file, location);
    const auto selection = count.empty() ? nullptr : std::make_unique<const Selection>(dataset, first, count, location);
    const hid_t memory = selection ? selection->memory.get() : H5S_ALL,
                from = selection ? selection->file.get() : H5S_ALL;
    if (H5Dread(dataset, type->get(), memory, from, H5P_DEFAULT, out.mutable_data_ptr()) < 0) {
      throw failure(location, "read the dataset", damaged);
    }
  }
  return dtype == at::kBool ? out.ne(0) : out;
}

}  // namespace

Dataset::Dataset(std::shared_ptr<FileState> file, std::shared_ptr<Handle> id, std::string location)
    : file_(std::move(file)), id_(std::move(id)), location_(std::move(location)) {
  const auto type = disk_type(id_->get(), location_);
  is_text_ = H5Tget_class(type->get()) == H5T_STRING;
  shape_ = read_shape(id_->get(), location_);
  require_plausible(id_->get(), shape_, type->get(), *file_, location_);
}

at::ScalarType Dataset::dtype() const {
  const Lock lock;
  return tensor_type_of(disk_type(id_->get(), location_)->get(), location_);
}

std::string Dataset::type_name() const {
  const Lock lock;
  return describe_type(disk_type(id_->get(), location_)->get());
}

std::vector<std::string> Dataset::filters() const {
  const Lock lock;
  const Handle properties(checked(H5Dget_create_plist(id_->get()), location_, "read its layout", damaged), H5Pclose);
  const int count = H5Pget_layout(properties.get()) == H5D_CHUNKED ? H5Pget_nfilters(properties.get()) : 0;
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    const H5Z_filter_t id =
        H5Pget_filter2(properties.get(), static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
    names.push_back(filter_name(id));
  }
  return names;
}

at::Tensor Dataset::read() const {
  const Lock lock;
  return read_entries(id_->get(), Shape(shape_.size(), 0), shape_, *file_, location_);
}

at::Tensor Dataset::read_items(std::int64_t first, std::int64_t count) const {
  const Lock lock;
  if (shape_.empty() || first < 0 || count < 0 || first > shape_[0] - count) {
    throw data_error(location_, "items {} to {} were asked for, the shape is {}; choose among those there are", first,
                     first + count, to_string(shape_));
  }
  Shape start(shape_.size(), 0), extent = shape_;
  start[0] = first;
  extent[0] = count;
  return read_entries(id_->get(), start, extent, *file_, location_);
}

at::Tensor Dataset::read_block(const Shape& first, const Shape& count) const {
  const Lock lock;
  bool inside = first.size() == shape_.size() && count.size() == shape_.size() && !shape_.empty();
  for (std::size_t axis = 0; inside && axis < shape_.size(); ++axis) {
    inside = first[axis] >= 0 && count[axis] >= 1 && first[axis] <= shape_[axis] - count[axis];
  }
  if (!inside) {
    throw data_error(location_, "{} entries from {} on were asked for, the shape is {}; choose among those there are",
                     to_string(count), to_string(first), to_string(shape_));
  }
  return read_entries(id_->get(), first, count, *file_, location_);
}

at::Tensor Dataset::read_item(std::int64_t index) const { return read_items(index, 1).squeeze(0); }

std::vector<std::string> Dataset::read_strings() const {
  const Lock lock;
  if (!is_text_ || shape_.size() > 1) {
    throw data_error(location_, "expected a list of texts, got {} of shape {}; store strings",
                     describe_type(disk_type(id_->get(), location_)->get()), to_string(shape_));
  }
  const auto type = disk_type(id_->get(), location_);
  const auto count = static_cast<std::size_t>(shape_.empty() ? 1 : shape_[0]);
  require_whole_chunks(id_->get(), Shape(shape_.size(), 0), shape_, *file_, location_);
  return read_texts(type->get(), count, location_, *file_, [&](hid_t memory, void* buffer) {
    return H5Dread(id_->get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
  });
}

std::vector<std::string> Dataset::read_strings(std::int64_t first, std::int64_t count) const {
  const Lock lock;
  if (!is_text_ || shape_.size() != 1 || first < 0 || count < 0 || first > shape_[0] - count) {
    throw data_error(location_, "texts {} to {} were asked for, the shape is {}; choose among those there are", first,
                     first + count, to_string(shape_));
  }
  const auto type = disk_type(id_->get(), location_);
  if (H5Tis_variable_str(type->get()) > 0) {  // these come from the child process, all at once
    const auto texts = read_strings();
    return {texts.begin() + first, texts.begin() + first + count};
  }
  if (count == 0) return {};
  require_whole_chunks(id_->get(), {first}, {count}, *file_, location_);
  const Selection selection(id_->get(), {first}, {count}, location_);
  return read_texts(type->get(), static_cast<std::size_t>(count), location_, *file_, [&](hid_t memory, void* buffer) {
    return H5Dread(id_->get(), memory, selection.memory.get(), selection.file.get(), H5P_DEFAULT, buffer);
  });
}

void Dataset::visit_metadata() const {
  const Lock lock;
  for (const auto& name : list_attributes(id_->get(), location_)) {
    const Handle attribute(H5Aopen(id_->get(), name.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_STRING) continue;
    try {
      read_text_attribute(id_->get(), location_, name, *file_);
    } catch (const Error&) {
      // Whoever needs it meets the fault again.
    }
  }
  if (is_text_) read_strings();
  hsize_t chunks = 0, bytes = 0;
  haddr_t address = 0;
  unsigned filters = 0;
  std::vector<hsize_t> offset(max_rank);
  const Handle space(H5Dget_space(id_->get()), H5Sclose);
  if (H5Dget_num_chunks(id_->get(), space.get(), &chunks) >= 0 && chunks > 0) {
    // Asking for the last one goes through the whole index.
    H5Dget_chunk_info(id_->get(), space.get(), chunks - 1, offset.data(), &filters, &address, &bytes);
  }
}

bool Dataset::has_attribute(const std::string& name) const {
  const Lock lock;
  return attribute_exists(id_->get(), name);
}

double Dataset::number_attribute(const std::string& name) const {
  const Lock lock;
  const auto values = read_number_attribute(id_->get(), location_, name);
  if (values.size() == 1) return values.front();
  throw data_error(location_, "expected one number in attribute '{}', got {}; store a scalar", name, values.size());
}

std::string Dataset::text_attribute(const std::string& name) const {
  const Lock lock;
  return read_text_attribute(id_->get(), location_, name, *file_);
}

void Dataset::set_attribute(const std::string& name, double value) {
  const Lock lock;
  write_attribute(id_->get(), location_, name, H5T_NATIVE_DOUBLE, &value, 1, true);
}

void Dataset::set_attribute(const std::string& name, const std::string& value) {
  const Lock lock;
  write_text_attribute(id_->get(), location_, name, value);
}

void Dataset::write_item(std::int64_t index, const at::Tensor& value) { write_items(index, value.unsqueeze(0)); }

void Dataset::write_items(std::int64_t first, const at::Tensor& values) {
  const Lock lock;
  const at::Tensor source = resolved(values.cpu());
  const auto shown = [&] { return to_string(shape_of(source)); };
  if (shape_.empty() || source.dim() < 1 || source.sizes().slice(1) != at::IntArrayRef(shape_).slice(1) || first < 0 ||
      first > shape_[0] - source.size(0)) {
    throw internal_error(location_, "items {} of shape {} do not fit into {}", first, shown(), to_string(shape_));
  }
  if (source.numel() == 0) return;
  Shape start(shape_.size(), 0), extent = shape_;
  start[0] = first;
  extent[0] = source.size(0);
  const Selection selection(id_->get(), start, extent, location_);
  const auto type = memory_type(source.scalar_type(), location_);
  if (H5Dwrite(id_->get(), type->get(), selection.memory.get(), selection.file.get(), H5P_DEFAULT,
               source.const_data_ptr()) < 0) {
    throw failure(location_, "write the dataset", disk);
  }
}

}  // namespace recon::hdf5
