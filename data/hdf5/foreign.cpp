#include "data/hdf5/foreign.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "data/hdf5/handle.h"
#include "data/hdf5/isolated.h"

namespace recon::hdf5 {
namespace {

namespace fs = std::filesystem;

std::string file_of(hid_t object) {
  const ssize_t length = H5Fget_name(object, nullptr, 0);
  if (length < 0) return {};
  std::string name(static_cast<std::size_t>(length) + 1, '\0');
  H5Fget_name(object, name.data(), name.size());
  name.pop_back();
  return name;
}

/// The file by the name that `object`'s file calls it: beside that file, or from the working directory, as HDF5 looks
/// for it. Empty when it is nowhere.
std::string found_file(hid_t object, const std::string& name) {
  const fs::path beside = fs::path(file_of(object)).parent_path() / name,
                 moved = beside.parent_path() / fs::path(name).filename();
  for (const fs::path& candidate : {beside, moved, fs::path(name)}) {
    if (fs::is_regular_file(candidate)) return candidate.string();
  }
  return {};
}

/// Another file must not crash HDF5 either: a child process goes through it first, as File::open does, once a file.
void require_sound(const std::string& path, const std::string& location) {
  static std::set<std::string> sound;  // under the lock of this layer
  if (in_child_process() || sound.contains(path)) return;
  const auto answer = run_isolated([&] {
    try {
      File::open(path).close();
    } catch (const Error&) {
    }
    return std::string();
  });
  if (!answer) throw data_error(location, "HDF5 crashes on '{}', which it points to; {}", path, damaged);
  sound.insert(path);
}

void require_external(hid_t parent, const std::string& name, const H5L_info_t& link, const std::string& location) {
  std::vector<char> value(link.u.val_size);
  const char *file = nullptr, *object = nullptr;
  unsigned flags = 0;
  if (H5Lget_val(parent, name.c_str(), value.data(), value.size(), H5P_DEFAULT) < 0 ||
      H5Lunpack_elink_val(value.data(), value.size(), &flags, &file, &object) < 0) {
    throw failure(location, "read the link", damaged);
  }
  const std::string found = found_file(parent, file);
  if (found.empty()) {
    throw data_error(location,
                     "is an external link to '{}' in the file '{}', which is not there; put that file beside this one",
                     object, file);
  }
  require_sound(found, location);
}

/// One piece of a virtual dataset.
struct Source {
  std::string file, dataset;
  hssize_t values = 0;          ///< that it gives
  std::vector<hsize_t> extent = {};  ///< of the source, as the virtual dataset knows it
};

std::string text_of(hid_t properties, std::size_t index, ssize_t (*get)(hid_t, std::size_t, char*, std::size_t)) {
  const ssize_t length = get(properties, index, nullptr, 0);
  std::string text(static_cast<std::size_t>(std::max<ssize_t>(length, 0)) + 1, '\0');
  get(properties, index, text.data(), text.size());
  text.pop_back();
  return text;
}

Source source_at(hid_t properties, std::size_t index, const std::string& location) {
  Source source{.file = text_of(properties, index, H5Pget_virtual_filename),
                .dataset = text_of(properties, index, H5Pget_virtual_dsetname)};
  const Handle target(checked(H5Pget_virtual_vspace(properties, index), location, "read its parts", damaged), H5Sclose);
  const Handle from(checked(H5Pget_virtual_srcspace(properties, index), location, "read its parts", damaged), H5Sclose);
  source.values = H5Sget_select_npoints(target.get());
  const int rank = H5Sget_simple_extent_ndims(from.get());
  source.extent.resize(static_cast<std::size_t>(std::max(rank, 0)));
  H5Sget_simple_extent_dims(from.get(), source.extent.data(), nullptr);
  return source;
}

void require_source(hid_t dataset, const Source& source, const std::string& location) {
  const std::string path = source.file == "." ? file_of(dataset) : found_file(dataset, source.file);
  if (path.empty()) {
    throw data_error(location, "a part of it lies in '{}', which is not there; put that file beside this one",
                     source.file);
  }
  if (source.file != ".") require_sound(path, location);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access.get(), false, true);
  const Handle file(source.file == "." ? H5Iget_file_id(dataset)
                                       : checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), location,
                                                 "open the file of a part of it", damaged),
                    H5Fclose);
  const Handle part(H5Dopen2(file.get(), source.dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (part.get() < 0) {
    throw data_error(location, "a part of it is '{}' in '{}', which is not there; fetch that file again",
                     source.dataset, path);
  }
  const Handle space(H5Dget_space(part.get()), H5Sclose);
  std::vector<hsize_t> extent(static_cast<std::size_t>(std::max(H5Sget_simple_extent_ndims(space.get()), 0)));
  H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr);
  // Where all of a source is meant, the file does not say how large that is: then its number of values has to do.
  bool large_enough = source.extent.empty() || source.extent.size() == extent.size();
  hssize_t there = 1;
  for (std::size_t axis = 0; axis < extent.size(); ++axis) {
    large_enough = large_enough && (source.extent.empty() || extent[axis] >= source.extent[axis]);
    there *= static_cast<hssize_t>(extent[axis]);
  }
  if (large_enough && there >= source.values) return;
  throw data_error(location, "a part of it, '{}' in '{}', is smaller than it says; fetch that file again",
                   source.dataset, path);
}

}  // namespace

std::int64_t bytes_of_home(hid_t object, const std::string& location) {
  const Handle file(checked(H5Iget_file_id(object), location, "find its file", damaged), H5Fclose);
  std::error_code error;
  const auto bytes = fs::file_size(file_of(file.get()), error);
  if (error) throw data_error(location, "cannot read the size of its file: {}; {}", error.message(), damaged);
  return static_cast<std::int64_t>(bytes);
}

void require_target(hid_t parent, const std::string& name, const std::string& location) {
  H5L_info_t link{};
  if (H5Lget_info(parent, name.c_str(), &link, H5P_DEFAULT) < 0) return;
  if (link.type == H5L_TYPE_EXTERNAL) return require_external(parent, name, link, location);
  if (link.type != H5L_TYPE_SOFT || H5Oexists_by_name(parent, name.c_str(), H5P_DEFAULT) > 0) return;
  std::string target(link.u.val_size + 1, '\0');
  H5Lget_val(parent, name.c_str(), target.data(), target.size(), H5P_DEFAULT);
  throw data_error(location, "is a link to '{}', which is not in the file; make the file again", target.c_str());
}

void require_sources(hid_t dataset, const Shape& shape, const std::string& location) {
  const Handle properties(checked(H5Dget_create_plist(dataset), location, "read its layout", damaged), H5Pclose);
  std::size_t count = 0;
  if (H5Pget_virtual_count(properties.get(), &count) < 0) throw failure(location, "count its parts", damaged);
  hsize_t covered = 0, wanted = 1;
  for (const auto extent : shape) wanted *= static_cast<hsize_t>(extent);
  for (std::size_t i = 0; i < count; ++i) {
    const Source source = source_at(properties.get(), i, location);
    const bool named = source.file.find('%') == std::string::npos && source.dataset.find('%') == std::string::npos;
    if (!named || source.values < 0) {
      throw data_error(location,
                       "a virtual dataset of no fixed size or of sources by a pattern ('{}'), which is not read; "
                       "copy the values in: h5repack, or h5py's f.create_dataset(NAME, data=virtual[...])",
                       source.file);
    }
    require_source(dataset, source, location);
    covered += static_cast<hsize_t>(source.values);
  }
  if (covered >= wanted) return;
  throw data_error(location,
                   "only {} of its {} values have a source, the rest would be made up; name the missing parts "
                   "or cut it",
                   covered, wanted);
}

}  // namespace recon::hdf5
