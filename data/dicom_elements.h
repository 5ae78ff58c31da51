#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Private to data: the elements of a DICOM file.
namespace recon::dicom {

/// Group and element, as in "0028,0010".
constexpr std::uint32_t tag(std::uint32_t group, std::uint32_t element) { return group << 16U | element; }

struct DataSet;

/// The value of an attribute: bytes of the file, or the items of a sequence.
struct Element {
  std::string vr;  ///< value representation; empty where the file does not say it (implicit)
  std::string_view bytes;
  std::vector<DataSet> items;
};

struct DataSet {
  std::map<std::uint32_t, Element> elements;
  bool big_endian = false;

  bool has(std::uint32_t tag) const { return elements.contains(tag); }
  /// Of the element, or null.
  const Element* find(std::uint32_t tag) const;
  std::string text(std::uint32_t tag) const;                   ///< without padding; "" where it is missing
  std::vector<double> decimals(std::uint32_t tag) const;       ///< of "1.5\\2"; what is no number ends it
  std::optional<std::int64_t> whole(std::uint32_t tag) const;  ///< US, SS, UL, SL or IS
  const DataSet* item(std::uint32_t sequence, std::size_t index = 0) const;  ///< null where there is none
};

/// A file of DICOM PS3.10 in memory: its attributes, and by which transfer syntax they are encoded.
struct File {
  std::string transfer_syntax;
  DataSet data;
};

/// Whether bytes have DICM behind a preamble of 128 bytes.
bool begins_so(std::string_view bytes);

/// The elements of a file (PS3.5 section 7: explicit and implicit VR little endian, explicit VR big endian), as views
/// into `bytes`. Sequences are looked into as far as images need them. Throws Error(data) at `path` for damage and for
/// compressed transfer syntaxes, saying how to unpack them.
File parse(std::string_view bytes, const std::string& path);

}  // namespace recon::dicom
