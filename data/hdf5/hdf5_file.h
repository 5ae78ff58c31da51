#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"

/// A small layer over HDF5's C interface: tensors, strings and attributes, with errors that name file and dataset.
///
/// Types on disk <-> tensors: float32/64, int8..int64, uint8 as they are; float16 -> float32; uint16 -> int32, uint32
/// -> int64; h5py's bool enum <-> bool; compound {r, i} of float32/64 (h5py's complex) <-> complex64/128, where
/// {real, imag} and {re, im} are read as well. Any byte order and layout (contiguous, chunked; compressed by gzip,
/// shuffle, lzf, szip and the like, see lzf_filter.h) is read. Strings: fixed or variable length; written fixed,
/// UTF-8.
///
/// Every failure is Error(data) with location "FILE:/path" and the innermost messages of HDF5's error stack, which is
/// never printed. Debian's HDF5 is not its thread-safe build: one mutex inside this layer serialises all calls, so
/// objects may be used from several threads (one at a time inside HDF5).
namespace recon::hdf5 {

/// What a reader may allocate. A dataset whose storage lies in the file can never hold more bytes than the file (times
/// the deflate limit of 1032 when compressed); one that claims more is refused whatever `max_bytes` says.
struct ReadLimits {
  std::int64_t max_bytes = std::int64_t{16} << 30;  ///< of one read
};

class Handle;  // an owned HDF5 identifier
struct FileState;

/// An open dataset `[extents...]`.
class Dataset {
 public:
  const std::string& location() const { return location_; }  ///< "FILE:/path"
  const Shape& shape() const { return shape_; }
  bool is_text() const { return is_text_; }
  at::ScalarType dtype() const;  ///< of the tensors that read() gives; Error(data) for text and unsupported types

  std::string type_name() const;             ///< on disk: "16-bit unsigned integer"
  std::vector<std::string> filters() const;  ///< "gzip", "shuffle", "lzf", ... in the order they were applied

  at::Tensor read() const;
  /// Items first .. first+count-1 of the leading axis, as `[count, rest...]`.
  at::Tensor read_items(std::int64_t first, std::int64_t count) const;
  at::Tensor read_item(std::int64_t index) const;  ///< without the leading axis
  /// The entries first[k] .. first[k]+count[k]-1 of every axis k.
  at::Tensor read_block(const Shape& first, const Shape& count) const;
  std::vector<std::string> read_strings() const;  ///< of a text dataset of rank 0 or 1
  std::vector<std::string> read_strings(std::int64_t first, std::int64_t count) const;  ///< some, of rank 1
  void visit_metadata() const;  ///< attributes, texts and chunk index, see isolated.h

  bool has_attribute(const std::string& name) const;
  double number_attribute(const std::string& name) const;
  std::string text_attribute(const std::string& name) const;
  void set_attribute(const std::string& name, double value);
  void set_attribute(const std::string& name, const std::string& value);
  /// Writes `value` `[rest...]` as item `index` of the leading axis.
  void write_item(std::int64_t index, const at::Tensor& value);
  /// Writes `values` `[count, rest...]` as items first .. first+count-1.
  void write_items(std::int64_t first, const at::Tensor& values);

 private:
  friend class Group;
  Dataset(std::shared_ptr<FileState> file, std::shared_ptr<Handle> id, std::string location);

  std::shared_ptr<FileState> file_;
  std::shared_ptr<Handle> id_;
  std::string location_;
  Shape shape_;
  bool is_text_ = false;
};

class Group {
 public:
  const std::string& location() const { return location_; }

  bool has(const std::string& name) const;
  std::vector<std::string> names() const;  ///< of the groups and datasets inside, sorted
  bool is_group(const std::string& name) const;
  Group group(const std::string& name) const;
  Dataset dataset(const std::string& name) const;

  bool has_attribute(const std::string& name) const;
  std::vector<std::string> attribute_names() const;  ///< sorted
  std::string text_attribute(const std::string& name) const;
  double number_attribute(const std::string& name) const;
  std::uint64_t uint64_attribute(const std::string& name) const;
  std::vector<double> numbers_attribute(const std::string& name) const;

  Group create_group(const std::string& name);
  Dataset create_dataset(const std::string& name, at::ScalarType dtype, const Shape& shape);
  /// For data that come in pieces: cut into chunks of whole items, each with a checksum (fletcher32) and, above level
  /// 0, shuffled and deflated (gzip, 1 to 9). Items that nobody writes are NaN (0 in integer types).
  Dataset create_packed(const std::string& name, at::ScalarType dtype, const Shape& shape, std::int64_t compression);
  Dataset write(const std::string& name, const at::Tensor& value);
  void write_strings(const std::string& name, const std::vector<std::string>& values);
  void set_attribute(const std::string& name, const std::string& value);
  void set_attribute(const std::string& name, double value);
  void set_attribute(const std::string& name, std::uint64_t value);
  void set_attribute(const std::string& name, const std::vector<double>& values);
  void set_attribute(const std::string& name, const std::vector<std::int64_t>& values);

 protected:
  Group(std::shared_ptr<FileState> file, std::shared_ptr<Handle> id, std::string location);
  std::shared_ptr<FileState> file_;

 private:
  std::shared_ptr<Handle> id_;
  std::string location_;
};

/// The root group of a file.
class File : public Group {
 public:
  static File open(const std::string& path, const ReadLimits& limits = {});
  static File create(const std::string& path);           ///< replaces what is there; wrap in AtomicFile
  static bool looks_like_hdf5(const std::string& path);  ///< by its signature; false when there is no such file

  /// Writes everything out and closes the file. A created file must be closed by this call: only it reports a full
  /// disk. Datasets and groups of the file are unusable afterwards.
  void close();

 private:
  using Group::Group;
};

}  // namespace recon::hdf5
