#include "data/kspace_file.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "data/bart_file.h"
#include "data/hdf5/hdf5_file.h"
#include "data/ismrmrd_file.h"
#include "data/ismrmrd_header.h"
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
  return ismrmrd_group(path).empty() ? Kind::none : Kind::ismrmrd;
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
    const IsmrmrdHeader header = parse_ismrmrd_header(texts.front(), location);
    const IsmrmrdEncoding& encoding = header.encodings.front();
    set.description = header.system;
    // The files hold the encoded matrix: it may have been cropped already.
    if (encoding.rows == set.kspace.size(2)) set.readout = encoding.kept_rows;
    if (encoding.columns == set.kspace.size(3)) set.phase = encoding.kept_columns;
  }
  if (file.has_attribute("acquisition")) set.description += " " + file.text_attribute("acquisition");
  return set;
}

KspaceSet read_bart_kspace(const std::string& path) {
  const at::Tensor kspace = bart_slices(read_bart(path), path);
  return {.format = "BART",
          .ids = slice_ids(kspace.size(0)),
          .kspace = kspace,
          .noise = {},
          .readout = kspace.size(2),
          .description = "BART array"};
}

}  // namespace

bool is_kspace_file(const std::string& path) {
  const Kind kind = kind_of(path);
  if (kind != Kind::fastmri) return kind != Kind::none;
  return hdf5::File::open(path).dataset("kspace").shape().size() == 4;
}

KspaceSet read_kspace(const std::string& path, const KspaceOptions& options) {
  switch (kind_of(path)) {
    case Kind::ismrmrd:
      return read_ismrmrd(path, options);
    case Kind::fastmri:
      return read_fastmri(path);
    case Kind::bart:
      return read_bart_kspace(path);
    case Kind::none:
      break;
  }
  if (!std::filesystem::exists(path)) throw data_error(path, "there is no such file (nor {}.hdr)", path);
  throw data_error(
      path, "expected ISMRMRD (a group of xml and data), fastMRI multi-coil (/kspace) or a BART array (.cfl, .hdr)");
}

}  // namespace recon
