#include "data/kspace_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "data/bart_file.h"
#include "data/hdf5/hdf5_file.h"
#include "data/ismrmrd_file.h"
#include "data/ismrmrd_header.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* fastmri_header = "ismrmrd_header";

/// A single coil (data/fastmri_file.h) has an axis less, and needs no import.
bool is_fastmri(const std::string& path) {
  if (!hdf5::File::looks_like_hdf5(path)) return false;
  const hdf5::File file = hdf5::File::open(path);
  return file.has("kspace") && !file.is_group("kspace") && file.dataset("kspace").shape().size() == 4;
}

bool is_ismrmrd(const std::string& path) { return hdf5::File::looks_like_hdf5(path) && !ismrmrd_group(path).empty(); }

std::vector<std::string> slice_ids(std::int64_t count) {
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(fmt::format("slice{}", i));
  return ids;
}

KspaceSet read_fastmri(const std::string& path, const KspaceOptions&) {
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

KspaceSet read_bart_kspace(const std::string& path, const KspaceOptions&) {
  const at::Tensor kspace = bart_slices(read_bart(path), path);
  return {.format = "BART",
          .ids = slice_ids(kspace.size(0)),
          .kspace = kspace,
          .noise = {},
          .readout = kspace.size(2),
          .description = "BART array"};
}

}  // namespace

Registry<KspaceFormat>& mutable_kspace_formats() {
  static Registry<KspaceFormat> formats(
      "k-space format",
      {{"bart", "a BART array (.cfl, .hdr)", is_bart_file, read_bart_kspace},
       {"fastmri", "fastMRI multi-coil (/kspace [slices, coils, height, width])", is_fastmri, read_fastmri},
       {"ismrmrd", "ISMRMRD (a group of xml and data)", is_ismrmrd, read_ismrmrd}});
  return formats;
}

const Registry<KspaceFormat>& kspace_formats() { return mutable_kspace_formats(); }

bool is_kspace_file(const std::string& path) {
  const auto recognised = [&](const KspaceFormat& format) { return format.recognises(path); };
  return std::any_of(kspace_formats().begin(), kspace_formats().end(), recognised);
}

KspaceSet read_kspace(const std::string& path, const KspaceOptions& options) {
  std::string known;
  for (const KspaceFormat& format : kspace_formats()) {
    if (format.recognises(path)) return format.read(path, options);
    known += (known.empty() ? "" : ", ") + format.summary;
  }
  if (!std::filesystem::exists(path)) throw data_error(path, "there is no such file (nor {}.hdr)", path);
  throw data_error(path,
                   "expected one of {}; single-coil volumes and measurements of other kinds need no import: "
                   "`recon inspect` shows a config for them",
                   known);
}

}  // namespace recon
