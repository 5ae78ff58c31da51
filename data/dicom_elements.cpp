#include "data/dicom_elements.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "data/byte_order.h"
#include "recon/core/error.h"

namespace recon::dicom {
namespace {

constexpr std::size_t preamble = 128;
constexpr std::uint32_t undefined_length = 0xFFFFFFFF;
constexpr std::uint32_t item_tag = tag(0xFFFE, 0xE000), item_end = tag(0xFFFE, 0xE00D),
                        sequence_end = tag(0xFFFE, 0xE0DD);
constexpr int deepest = 16;
constexpr std::size_t most_elements = 1'000'000;

constexpr const char* implicit_little = "1.2.840.10008.1.2";
constexpr const char* explicit_little = "1.2.840.10008.1.2.1";
constexpr const char* explicit_big = "1.2.840.10008.1.2.2";
constexpr const char* deflated = "1.2.840.10008.1.2.1.99";

/// Sequences that images need; where the VR is implicit, nothing else tells that they are some.
constexpr std::array<std::uint32_t, 6> known_sequences = {tag(0x5200, 0x9229), tag(0x5200, 0x9230),
                                                          tag(0x0028, 0x9110), tag(0x0028, 0x9145),
                                                          tag(0x0020, 0x9113), tag(0x0020, 0x9116)};

bool has_long_length(std::string_view vr) {
  static constexpr std::array<std::string_view, 13> all = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                                           "SV", "UC", "UN", "UR", "UT", "UV"};
  return std::find(all.begin(), all.end(), vr) != all.end();
}

struct Syntax {
  bool implicit_vr = false, big_endian = false;
};

class Parser {
 public:
  Parser(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  /// Elements from `at` on, up to `end`, the end of an item, or (`group`) the first element of another group.
  DataSet elements(std::size_t& at, std::size_t end, const Syntax& syntax, int depth,
                   std::optional<std::uint32_t> group = {}) {
    if (depth > deepest) throw fault("nests sequences deeper than {} levels", deepest);
    DataSet set{.elements = {}, .big_endian = syntax.big_endian};
    while (end - at >= 8) {
      const std::uint32_t name = read_tag(at, syntax);
      if (group && name >> 16U != *group) return set;
      if (name == item_end) {
        at += 8;
        return set;
      }
      if (++count_ > most_elements) throw fault("has more than {} elements", most_elements);
      at += 4;
      Element element = value(at, end, name, syntax, depth);
      set.elements.insert_or_assign(name, std::move(element));
    }
    if (end == bytes_.size() && depth == 0) at = end;  // a few bytes of padding
    return set;
  }

  template <class... Args>
  Error fault(fmt::format_string<Args...> text, Args&&... args) const {
    return data_error(path_, "its DICOM elements are damaged or cut off: it {}; fetch the file again",
                      fmt::format(text, std::forward<Args>(args)...));
  }

 private:
  template <class T>
  T number(std::size_t at, bool big_endian) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) throw fault("ends within an element");
    std::array<char, sizeof(T)> own{};
    std::memcpy(own.data(), bytes_.data() + at, sizeof(T));
    if (big_endian) swap_bytes(own.data(), sizeof(T), sizeof(T));
    T result{};
    std::memcpy(&result, own.data(), sizeof(T));
    return result;
  }

  std::uint32_t read_tag(std::size_t at, const Syntax& syntax) const {
    const std::uint32_t group = number<std::uint16_t>(at, syntax.big_endian);
    return tag(group, number<std::uint16_t>(at + 2, syntax.big_endian));
  }

  /// VR, length and value behind a tag.
  Element value(std::size_t& at, std::size_t end, std::uint32_t name, const Syntax& syntax, int depth) {
    Element element;
    std::uint32_t length = 0;
    if (syntax.implicit_vr || name >> 16U == 0xFFFE) {
      length = number<std::uint32_t>(at, syntax.big_endian);
      at += 4;
    } else {
      if (bytes_.size() - at < 4) throw fault("ends within an element");
      element.vr = std::string(bytes_.substr(at, 2));
      if (has_long_length(element.vr)) {
        length = number<std::uint32_t>(at + 4, syntax.big_endian);
        at += 8;
      } else {
        length = number<std::uint16_t>(at + 2, syntax.big_endian);
        at += 4;
      }
    }
    const bool known = std::find(known_sequences.begin(), known_sequences.end(), name) != known_sequences.end();
    if (length == undefined_length) {
      if (name == tag(0x7FE0, 0x0010)) throw fault("has pixel data in fragments, which only compressed files have");
      // Of unknown kind: its inside is implicit, little endian (PS3.5 section 6.2.2).
      const Syntax inside = element.vr == "UN" ? Syntax{.implicit_vr = true} : syntax;
      element.items = items(at, end, inside, depth);
      return element;
    }
    if (length > end - at)
      throw fault("claims {} bytes for {:04x},{:04x}, {} are left", length, name >> 16U, name & 0xFFFFU, end - at);
    const std::size_t stop = at + length;
    if (element.vr == "SQ" || (syntax.implicit_vr && known)) {
      element.items = items(at, stop, syntax, depth);
      at = stop;
      return element;
    }
    element.bytes = bytes_.substr(at, length);
    at = stop;
    return element;
  }

  /// The items of a sequence: up to `end`, or to its delimiter.
  std::vector<DataSet> items(std::size_t& at, std::size_t end, const Syntax& syntax, int depth) {
    std::vector<DataSet> all;
    while (end - at >= 8) {
      const std::uint32_t name = read_tag(at, syntax);
      const std::uint32_t length = number<std::uint32_t>(at + 4, syntax.big_endian);
      at += 8;
      if (name == sequence_end) return all;
      if (name != item_tag)
        throw fault("has {:04x},{:04x} where an item of a sequence begins", name >> 16U, name & 0xFFFFU);
      if (++count_ > most_elements) throw fault("has more than {} elements", most_elements);
      if (length != undefined_length && length > end - at)
        throw fault("claims {} bytes for an item, {} are left", length, end - at);
      const std::size_t stop = length == undefined_length ? end : at + length;
      all.push_back(elements(at, stop, syntax, depth + 1));
      if (length != undefined_length) at = stop;
    }
    return all;
  }

  std::string_view bytes_;
  const std::string& path_;
  std::size_t count_ = 0;
};

std::string without_padding(std::string_view text) {
  const auto last = text.find_last_not_of(std::string_view(" \0", 2));
  const auto first = text.find_first_not_of(' ');
  return last == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

void require_unpacked(const std::string& syntax, const std::string& path) {
  if (syntax == implicit_little || syntax == explicit_little || syntax == explicit_big) return;
  const char* how = syntax == deflated                             ? "dcmconv +te IN OUT"
                    : syntax.starts_with("1.2.840.10008.1.2.5")    ? "dcmdrle IN OUT"
                    : syntax.starts_with("1.2.840.10008.1.2.4.8")  ? "dcmdjpls IN OUT"
                    : syntax.starts_with("1.2.840.10008.1.2.4.9")  ? "gdcmconv --raw IN OUT"
                    : syntax.starts_with("1.2.840.10008.1.2.4.20") ? "gdcmconv --raw IN OUT"
                    : syntax.starts_with("1.2.840.10008.1.2.4.")   ? "dcmdjpeg IN OUT"
                                                                   : "gdcmconv --raw IN OUT";
  throw data_error(path, "its pixels are compressed (transfer syntax {}), uncompressed ones are read; unpack it: {}",
                   syntax.empty() ? "not said" : syntax, how);
}

}  // namespace

const Element* DataSet::find(std::uint32_t name) const {
  const auto found = elements.find(name);
  return found == elements.end() ? nullptr : &found->second;
}

std::string DataSet::text(std::uint32_t name) const {
  const Element* element = find(name);
  return element == nullptr ? "" : without_padding(element->bytes);
}

std::vector<double> DataSet::decimals(std::uint32_t name) const {
  std::vector<double> all;
  std::string rest = text(name);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('\\');
    const std::string one = without_padding(rest.substr(0, slash));
    const char* begin = one.data() + (one.starts_with('+') ? 1 : 0);
    double value = 0;
    const auto [stop, status] = std::from_chars(begin, one.data() + one.size(), value);
    if (status != std::errc() || stop != one.data() + one.size()) break;
    all.push_back(value);
    if (slash == std::string::npos) break;
    rest = rest.substr(slash + 1);
  }
  return all;
}

std::optional<std::int64_t> DataSet::whole(std::uint32_t name) const {
  const Element* element = find(name);
  if (element == nullptr || element->bytes.empty()) return std::nullopt;
  std::string own(element->bytes);
  const bool digits = std::all_of(own.begin(), own.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == ' ' || c == '-' || c == '+' || c == '\0';
  });
  // Without a VR: NumberOfFrames and InstanceNumber are texts, the sizes of images binary numbers of two bytes.
  const bool text = element->vr == "IS" || (element->vr.empty() && name >> 16U != 0x0028) ||
                    (element->vr.empty() && name == tag(0x0028, 0x0008));
  if (text) {
    own = without_padding(own);
    std::int64_t value = 0;
    const char* begin = own.data() + (own.starts_with('+') ? 1 : 0);
    const auto [stop, status] = std::from_chars(begin, own.data() + own.size(), value);
    if (!digits || status != std::errc() || stop != own.data() + own.size()) return std::nullopt;
    return value;
  }
  if (own.size() != 2 && own.size() != 4) return std::nullopt;
  if (big_endian) swap_bytes(own.data(), own.size(), own.size());
  if (own.size() == 2) {
    std::uint16_t value = 0;
    std::memcpy(&value, own.data(), 2);
    return element->vr == "SS" ? static_cast<std::int64_t>(static_cast<std::int16_t>(value)) : value;
  }
  std::uint32_t value = 0;
  std::memcpy(&value, own.data(), 4);
  return element->vr == "SL" ? static_cast<std::int64_t>(static_cast<std::int32_t>(value)) : value;
}

const DataSet* DataSet::item(std::uint32_t sequence, std::size_t index) const {
  const Element* element = find(sequence);
  return element == nullptr || index >= element->items.size() ? nullptr : &element->items[index];
}

bool begins_so(std::string_view bytes) { return bytes.size() >= preamble + 4 && bytes.substr(preamble, 4) == "DICM"; }

File parse(std::string_view bytes, const std::string& path) {
  if (!begins_so(bytes)) {
    throw data_error(path,
                     "expected a DICOM file (DICM at byte 128), it does not begin as one; if it has no such "
                     "beginning, make one by dcmconv");
  }
  Parser parser(bytes, path);
  std::size_t at = preamble + 4;
  // The file's meta information is explicit, little endian, whatever follows.
  const DataSet meta = parser.elements(at, bytes.size(), {}, 0, 0x0002);
  File file{.transfer_syntax = meta.text(tag(0x0002, 0x0010)), .data = {}};
  require_unpacked(file.transfer_syntax, path);
  const Syntax syntax{.implicit_vr = file.transfer_syntax == implicit_little,
                      .big_endian = file.transfer_syntax == explicit_big};
  file.data = parser.elements(at, bytes.size(), syntax, 0);
  if (at != bytes.size()) throw parser.fault("has {} bytes behind its last element", bytes.size() - at);
  return file;
}

}  // namespace recon::dicom
