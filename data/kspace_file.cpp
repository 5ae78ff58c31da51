#include "data/kspace_file.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "data/bart_file.h"
#include "data/hdf5/hdf5_file.h"
#include "data/ismrmrd_file.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* fastmri_header = "ismrmrd_header";

enum class Kind { none, ismrmrd, fastmri, bart };

Kind kind_of(const std::string& path) {
  if (is_bart_file(path)) return Kind::bart;
  if (!hdf5::File::looks_like_hdf5(path)) return Kind::none;
  const hdf5::File file = hdf5::File::open(path);
  if (file.has("kspace") && !file.is_group("kspace")) return Kind::fastmri;
  const bool raw = file.has("dataset") && file.is_group("dataset") && file.group("dataset").has("xml");
  return raw ? Kind::ismrmrd : Kind::none;
}

std::vector<std::string> slice_ids(std::int64_t count) {
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(fmt::format("slice{}", i));
  return ids;
}

KspaceSet read_fastmri(const std::string& path) {
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::Dataset dataset = file.dataset("kspace");
  if (dataset.shape().size() != 4 || dataset.dtype() != at::kComplexFloat) {
    throw data_error(dataset.location(),
                     "expected multi-coil k-space, complex64 [slices, coils, height, width], found {} {}",
                     dataset.type_name(), to_string(dataset.shape()));
  }
  KspaceSet set{.format = "fastMRI",
                .ids = slice_ids(dataset.shape()[0]),
                .kspace = dataset.read(),
                .noise = {},
                .readout = dataset.shape()[2],
                .description = {}};
  require_finite(set.kspace, dataset.location());
  if (file.has(fastmri_header)) {
    const auto texts = file.dataset(fastmri_header).read_strings();
    const std::string location = path + ":/" + fastmri_header;
    if (texts.empty()) throw data_error(location, "expected the ISMRMRD header as text, found nothing");
    const IsmrmrdGeometry geometry = parse_ismrmrd_header(texts.front(), location);
    set.description = geometry.system;
    // The files hold the encoded matrix: its readout may have been cropped already.
    if (geometry.encoded_rows == set.kspace.size(2)) set.readout = geometry.readout;
  }
  if (file.has_attribute("acquisition")) set.description += " " + file.text_attribute("acquisition");
  return set;
}

KspaceSet read_bart_kspace(const std::string& path) {
  const at::Tensor stored = read_bart(path);  // [16]
  constexpr std::int64_t coils = 3, slices = 13;
  for (std::int64_t axis = 2; axis < stored.dim(); ++axis) {
    if (axis != coils && axis != slices && stored.size(axis) > 1) {
      throw data_error(path, "expected k-space with axes 0, 1 (slice), 3 (coils) and 13 (slices), axis {} has size {}",
                       axis, stored.size(axis));
    }
  }
  const at::Tensor kspace = stored.squeeze(15).squeeze(14).permute({13, 3, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  Shape shape(kspace.sizes().begin(), kspace.sizes().begin() + 4);
  return {.format = "BART",
          .ids = slice_ids(shape[0]),
          .kspace = kspace.reshape(shape).contiguous(),
          .noise = {},
          .readout = shape[2],
          .description = "BART array"};
}

}  // namespace

bool is_kspace_file(const std::string& path) {
  const Kind kind = kind_of(path);
  if (kind != Kind::fastmri) return kind != Kind::none;
  return hdf5::File::open(path).dataset("kspace").shape().size() == 4;
}

KspaceSet read_kspace(const std::string& path) {
  switch (kind_of(path)) {
    case Kind::ismrmrd:
      return read_ismrmrd(path);
    case Kind::fastmri:
      return read_fastmri(path);
    case Kind::bart:
      return read_bart_kspace(path);
    case Kind::none:
      break;
  }
  if (!std::filesystem::exists(path)) throw data_error(path, "there is no such file (nor {}.hdr)", path);
  throw data_error(path, "expected ISMRMRD (/dataset/xml), fastMRI multi-coil (/kspace) or a BART array (.cfl, .hdr)");
}

}  // namespace recon
