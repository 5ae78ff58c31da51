#include "data/hdf5/hdf5_file.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <filesystem>
#include <fstream>

#include "data/hdf5/attribute.h"
#include "data/hdf5/foreign.h"
#include "data/hdf5/isolated.h"
#include "data/hdf5/types.h"
#include "recon/core/lfs_pointer.h"

namespace recon::hdf5 {
namespace {

constexpr const char* format_advice = "see data/FORMAT.md for what a file needs";

std::unique_ptr<Handle> file_access() {
  auto access = std::make_unique<Handle>(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // The format of HDF5 1.8 has checksums over its metadata. Locks would only fail on network disks: readers share the
  // file, writers have a temporary one to themselves.
  H5Pset_libver_bounds(access->get(), H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  H5Pset_file_locking(access->get(), false, true);
  H5Pset_fclose_degree(access->get(), H5F_CLOSE_STRONG);
  return access;
}

/// Creation properties without time stamps, so that equal content makes equal files.
std::unique_ptr<Handle> creation(hid_t kind) {
  auto properties = std::make_unique<Handle>(H5Pcreate(kind), H5Pclose);
  H5Pset_obj_track_times(properties->get(), false);
  return properties;
}

/// One item, or several small ones up to 256 KiB: what readers of single items like, and what HDF5's cache holds.
std::vector<hsize_t> chunk_of(const std::vector<hsize_t>& extents, std::size_t bytes_per_value) {
  constexpr hsize_t wanted_bytes = 256U << 10U;
  hsize_t item_bytes = bytes_per_value;
  for (std::size_t axis = 1; axis < extents.size(); ++axis) item_bytes *= std::max<hsize_t>(extents[axis], 1);
  std::vector<hsize_t> chunk;
  for (const hsize_t extent : extents) chunk.push_back(std::max<hsize_t>(extent, 1));
  chunk.front() = std::clamp<hsize_t>(wanted_bytes / item_bytes, 1, chunk.front());
  return chunk;
}

std::string join_location(const std::string& parent, const std::string& name) {
  return parent + (parent.ends_with('/') ? "" : "/") + name;
}

/// Whether the file's structure has checksums: from version 2 of the "superblock" on, which follows the signature. h5py
/// writes version 0 unless told otherwise, recon version 2. A user block may come first, at 512, 1024, ...
bool has_checksums(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  for (std::streamoff at = 0; stream; at = at == 0 ? 512 : 2 * at) {
    std::string head(9, '\0');
    stream.seekg(at);
    stream.read(head.data(), static_cast<std::streamsize>(head.size()));
    if (stream && head.starts_with("\x89HDF\r\n\x1a\n")) return head.back() >= 2;
  }
  return false;
}

/// An object inside `parent`, of the given kind.
std::shared_ptr<Handle> open_object(hid_t parent, const std::string& parent_location, const std::string& name,
                                    H5I_type_t kind, const char* kind_name) {
  const std::string location = join_location(parent_location, name);
  if (H5Lexists(parent, name.c_str(), H5P_DEFAULT) <= 0) {
    throw data_error(location, "expected a {}, there is none; {}", kind_name, format_advice);
  }
  require_target(parent, name, location);
  auto id = std::make_shared<Handle>(checked(H5Oopen(parent, name.c_str(), H5P_DEFAULT), location, "open it", damaged),
                                     H5Oclose);
  if (H5Iget_type(id->get()) != kind) {
    throw data_error(location, "expected a {}, got another kind of object; {}", kind_name, format_advice);
  }
  return id;
}

}  // namespace

Group::Group(std::shared_ptr<FileState> file, std::shared_ptr<Handle> id, std::string location)
    : file_(std::move(file)), id_(std::move(id)), location_(std::move(location)) {}

bool Group::has(const std::string& name) const {
  const Lock lock;
  return H5Lexists(id_->get(), name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> Group::names() const {
  const Lock lock;
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  hsize_t start = 0;
  if (H5Literate(id_->get(), H5_INDEX_NAME, H5_ITER_NATIVE, &start, collect, &names) < 0) {
    throw failure(location_, "list the group", damaged);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Group::is_group(const std::string& name) const {
  const Lock lock;
  try {
    require_target(id_->get(), name, join_location(location_, name));
  } catch (const Error&) {
    return false;  // whoever opens it meets the fault
  }
  const Handle id(H5Oopen(id_->get(), name.c_str(), H5P_DEFAULT), H5Oclose);
  return id.get() >= 0 && H5Iget_type(id.get()) == H5I_GROUP;
}

Group Group::group(const std::string& name) const {
  const Lock lock;
  return {file_, open_object(id_->get(), location_, name, H5I_GROUP, "group"), join_location(location_, name)};
}

Dataset Group::dataset(const std::string& name) const {
  const Lock lock;
  return {file_, open_object(id_->get(), location_, name, H5I_DATASET, "dataset"), join_location(location_, name)};
}

bool Group::has_attribute(const std::string& name) const {
  const Lock lock;
  return attribute_exists(id_->get(), name);
}

std::vector<std::string> Group::attribute_names() const {
  const Lock lock;
  return list_attributes(id_->get(), location_);
}

std::string Group::text_attribute(const std::string& name) const {
  const Lock lock;
  return read_text_attribute(id_->get(), location_, name, *file_);
}

double Group::number_attribute(const std::string& name) const {
  const auto values = numbers_attribute(name);
  if (values.size() == 1) return values.front();
  throw data_error(location_, "expected one number in attribute '{}', got {}; {}", name, values.size(), format_advice);
}

std::uint64_t Group::uint64_attribute(const std::string& name) const {
  const Lock lock;
  return read_uint64_attribute(id_->get(), location_, name);
}

std::vector<double> Group::numbers_attribute(const std::string& name) const {
  const Lock lock;
  return read_number_attribute(id_->get(), location_, name);
}

Group Group::create_group(const std::string& name) {
  const Lock lock;
  const std::string location = join_location(location_, name);
  const auto properties = creation(H5P_GROUP_CREATE);
  const hid_t id = H5Gcreate2(id_->get(), name.c_str(), H5P_DEFAULT, properties->get(), H5P_DEFAULT);
  return {file_, std::make_shared<Handle>(checked(id, location, "create the group", disk), H5Gclose), location};
}

Dataset Group::create_dataset(const std::string& name, at::ScalarType dtype, const Shape& shape) {
  const Lock lock;
  const std::string location = join_location(location_, name);
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const int rank = static_cast<int>(extents.size());
  const Handle space(rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, extents.data(), nullptr), H5Sclose);
  const auto type = memory_type(dtype, location);
  const auto properties = creation(H5P_DATASET_CREATE);
  const hid_t id =
      H5Dcreate2(id_->get(), name.c_str(), type->get(), checked(space.get(), location, "describe it", disk),
                 H5P_DEFAULT, properties->get(), H5P_DEFAULT);
  return {file_, std::make_shared<Handle>(checked(id, location, "create the dataset", disk), H5Dclose), location};
}

Dataset Group::create_packed(const std::string& name, at::ScalarType dtype, const Shape& shape,
                             std::int64_t compression) {
  const Lock lock;
  const std::string location = join_location(location_, name);
  const auto type = memory_type(dtype, location);
  const auto properties = creation(H5P_DATASET_CREATE);
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const std::vector<hsize_t> chunk = chunk_of(extents, H5Tget_size(type->get()));
  const std::complex<double> missing(NAN, NAN);
  const auto wide = memory_type(c10::isComplexType(dtype) ? at::kComplexDouble : at::kDouble, location);
  bool ok = H5Pset_chunk(properties->get(), static_cast<int>(chunk.size()), chunk.data()) >= 0;
  if (c10::isFloatingType(dtype) || c10::isComplexType(dtype)) {
    ok = ok && H5Pset_fill_value(properties->get(), wide->get(), &missing) >= 0;
  }
  if (compression > 0) {
    ok = ok && H5Pset_shuffle(properties->get()) >= 0 &&
         H5Pset_deflate(properties->get(), static_cast<unsigned>(compression)) >= 0;
  }
  ok = ok && H5Pset_fletcher32(properties->get()) >= 0;
  if (!ok) throw failure(location, "describe the chunks", disk);
  const Handle space(checked(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), location,
                             "describe it", disk),
                     H5Sclose);
  const hid_t id =
      H5Dcreate2(id_->get(), name.c_str(), type->get(), space.get(), H5P_DEFAULT, properties->get(), H5P_DEFAULT);
  return {file_, std::make_shared<Handle>(checked(id, location, "create the dataset", disk), H5Dclose), location};
}

Dataset Group::write(const std::string& name, const at::Tensor& value) {
  const Lock lock;
  const at::Tensor source = resolved(value.cpu());
  Dataset dataset = create_dataset(name, source.scalar_type(), shape_of(source));
  const auto type = memory_type(source.scalar_type(), dataset.location_);
  if (source.numel() > 0 &&
      H5Dwrite(dataset.id_->get(), type->get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, source.const_data_ptr()) < 0) {
    throw failure(dataset.location_, "write the dataset", disk);
  }
  return dataset;
}

void Group::write_strings(const std::string& name, const std::vector<std::string>& values) {
  const Lock lock;
  const std::string location = join_location(location_, name);
  const hsize_t extent = values.size();
  const Handle space(H5Screate_simple(1, &extent, nullptr), H5Sclose);
  std::size_t width = 1;
  for (const auto& value : values) width = std::max(width, value.size());
  const auto type = text_type(width);
  const auto properties = creation(H5P_DATASET_CREATE);
  const Handle id(checked(H5Dcreate2(id_->get(), name.c_str(), type->get(), space.get(), H5P_DEFAULT, properties->get(),
                                     H5P_DEFAULT),
                          location, "create the dataset", disk),
                  H5Dclose);
  std::vector<char> texts(width * values.size(), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) std::copy(values[i].begin(), values[i].end(), &texts[i * width]);
  if (!texts.empty() && H5Dwrite(id.get(), type->get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) < 0) {
    throw failure(location, "write the dataset", disk);
  }
}

void Group::set_attribute(const std::string& name, const std::string& value) {
  const Lock lock;
  write_text_attribute(id_->get(), location_, name, value);
}

void Group::set_attribute(const std::string& name, double value) {
  const Lock lock;
  write_attribute(id_->get(), location_, name, H5T_NATIVE_DOUBLE, &value, 1, true);
}

void Group::set_attribute(const std::string& name, std::uint64_t value) {
  const Lock lock;
  write_attribute(id_->get(), location_, name, H5T_NATIVE_UINT64, &value, 1, true);
}

void Group::set_attribute(const std::string& name, const std::vector<double>& values) {
  const Lock lock;
  write_attribute(id_->get(), location_, name, H5T_NATIVE_DOUBLE, values.data(), values.size(), false);
}

void Group::set_attribute(const std::string& name, const std::vector<std::int64_t>& values) {
  const Lock lock;
  write_attribute(id_->get(), location_, name, H5T_NATIVE_INT64, values.data(), values.size(), false);
}

File File::open(const std::string& path, const ReadLimits& limits) {
  const Lock lock;
  namespace fs = std::filesystem;
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw data_error(path, "expected an HDF5 file, there is no such file; check the path");
  if (!fs::is_regular_file(status)) throw data_error(path, "expected an HDF5 file, this is not a file; check the path");
  auto state = std::make_shared<FileState>(FileState{path, limits, 0, nullptr, false, {}});
  state->bytes = static_cast<std::int64_t>(fs::file_size(path, error));
  if (!looks_like_hdf5(path)) {
    std::string head(1024, '\0');
    std::ifstream(path, std::ios::binary).read(head.data(), static_cast<std::streamsize>(head.size()));
    refuse_lfs_pointer(head, path);
    throw data_error(path, "expected an HDF5 file, got {} bytes without its signature (or no permission to read); {}",
                     state->bytes, damaged);
  }
  const auto open_it = [&] {
    const auto access = file_access();
    const hid_t id = checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access->get()), path, "open the file", damaged);
    state->id = std::make_unique<Handle>(id, H5Fclose);
    const hid_t root = checked(H5Gopen2(id, "/", H5P_DEFAULT), path, "open the root group", damaged);
    return File(state, std::make_shared<Handle>(root, H5Gclose), path + ":/");
  };
  if (has_checksums(path)) return open_it();
  // The child's failure by an error is no news: the parent meets the same one and reports it.
  const auto answer = run_isolated([&] {
    try {
      visit_everything(open_it());
      state->id->close();  // closing may crash, too
    } catch (const Error&) {
    }
    std::vector<std::string> texts;
    for (const auto& [location, list] : state->texts) texts.insert(texts.end(), {location, pack(list)});
    return pack(texts);
  });
  if (!answer) throw data_error(path, "the file is damaged so badly that HDF5 crashes on it; {}", damaged);
  const auto texts = unpack(*answer);
  for (std::size_t i = 0; i + 1 < texts.size(); i += 2) state->texts[texts[i]] = unpack(texts[i + 1]);
  state->visited = true;
  return open_it();
}

File File::create(const std::string& path) {
  const Lock lock;
  const auto access = file_access();
  const auto properties = creation(H5P_FILE_CREATE);
  const hid_t id =
      checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, properties->get(), access->get()), path, "create the file", disk);
  auto state = std::make_shared<FileState>(FileState{path, {}, 0, std::make_unique<Handle>(id, H5Fclose), false, {}});
  const hid_t root = checked(H5Gopen2(id, "/", H5P_DEFAULT), path, "open the root group", disk);
  return {state, std::make_shared<Handle>(root, H5Gclose), path + ":/"};
}

bool File::looks_like_hdf5(const std::string& path) {
  const Lock lock;
  return H5Fis_hdf5(path.c_str()) > 0;
}

void File::close() {
  const Lock lock;
  const hid_t id = file_->id->get();
  if (id >= 0 && H5Fflush(id, H5F_SCOPE_GLOBAL) < 0) throw failure(file_->path, "write the file", disk);
  if (!file_->id->close()) throw failure(file_->path, "close the file", disk);
}

}  // namespace recon::hdf5
