#include "data/fits_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "data/atomic_file.h"
#include "data/byte_order.h"
#include "data/gzip.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::size_t fits_block = 2880, card_bytes = 80;

using Header = std::map<std::string, std::string>;

std::string trimmed_text(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// The value of a card "KEYWORD = value / comment".
std::string card_value(const std::string& card) {
  const std::string field = trimmed_text(card.substr(10));
  if (!field.starts_with("'")) return trimmed_text(field.substr(0, field.find('/')));
  std::string text;
  for (std::size_t i = 1; i < field.size(); ++i) {
    if (field[i] == '\'') {
      if (i + 1 >= field.size() || field[i + 1] != '\'') break;
      ++i;  // two quotes are one
    }
    text += field[i];
  }
  return trimmed_text(text);
}

bool is_keyword(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == ' ';
  });
}

/// Reads the cards up to END; `at` becomes the first byte of the data. A header that has lost its END runs on into
/// numbers and into the next one, whose first card tells; one that has lost its beginning is none.
Header read_header(const std::string& bytes, std::size_t& at, const std::string& path) {
  Header header;
  const std::size_t begin = at;
  if (begin > 0 && bytes.compare(begin, 10, "XTENSION= ") != 0) {
    throw data_error(path, "has something else than the next part, XTENSION, at byte {}: damaged", begin);
  }
  for (std::size_t i = at; i + card_bytes <= bytes.size(); i += card_bytes) {
    const std::string card = bytes.substr(i, card_bytes);
    const std::string keyword = trimmed_text(card.substr(0, 8));
    if (!is_keyword(keyword) || (i > begin && (keyword == "XTENSION" || keyword == "SIMPLE"))) break;
    if (keyword == "END") {
      at += ((i - at) / fits_block + 1) * fits_block;
      return header;
    }
    if (card.compare(8, 2, "= ") == 0) header.try_emplace(keyword, card_value(card));
  }
  throw data_error(path, "its FITS header at byte {} has no END, or no keyword where one is due: cut off or damaged",
                   at);
}

std::int64_t whole(const Header& header, const std::string& keyword, std::optional<std::int64_t> otherwise,
                   const std::string& path) {
  const auto found = header.find(keyword);
  if (found == header.end() && otherwise) return *otherwise;
  std::int64_t value = 0;
  const std::string text = found == header.end() ? "" : found->second;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || rest != text.data() + text.size()) {
    throw data_error(path, "its FITS header has {} = '{}', expected a whole number", keyword, text);
  }
  return value;
}

double number(const Header& header, const std::string& keyword, double otherwise, const std::string& path) {
  const auto found = header.find(keyword);
  if (found == header.end()) return otherwise;
  std::string text = found->second;
  for (char& c : text) c = c == 'D' || c == 'd' ? 'E' : c;  // Fortran's double precision
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  double value = 0;
  const auto [rest, status] = std::from_chars(begin, text.data() + text.size(), value);
  if (status != std::errc() || rest != text.data() + text.size()) {
    throw data_error(path, "its FITS header has {} = '{}', expected a number", keyword, text);
  }
  return value;
}

/// Extents, the slowest first, and the bytes of the data unit.
struct Unit {
  Shape shape;
  std::size_t number_bytes = 1, bytes = 0;
};

Unit unit_of(const Header& header, std::size_t left, const std::string& path) {
  Unit unit;
  const std::int64_t bits = whole(header, "BITPIX", std::nullopt, path),
                     axes = whole(header, "NAXIS", std::nullopt, path);
  if ((bits != 8 && bits != 16 && bits != 32 && bits != 64 && bits != -32 && bits != -64) || axes < 0 || axes > 999) {
    throw data_error(path, "its FITS header has BITPIX = {}, NAXIS = {}: damaged", bits, axes);
  }
  unit.number_bytes = static_cast<std::size_t>(std::abs(bits) / 8);
  std::size_t count = axes == 0 ? 0 : 1;
  for (std::int64_t axis = axes; axis > 0; --axis) {
    const std::int64_t extent = whole(header, fmt::format("NAXIS{}", axis), std::nullopt, path);
    if (extent < 0) throw data_error(path, "its FITS header has NAXIS{} = {}: damaged", axis, extent);
    unit.shape.push_back(extent);
    const auto size = static_cast<std::size_t>(extent);
    if (size > 0 && count > left / size) throw data_error(path, "is cut off: an image is larger than the file");
    count *= size;
  }
  const std::int64_t parameters = whole(header, "PCOUNT", 0, path), groups = whole(header, "GCOUNT", 1, path);
  if (parameters < 0 || groups != 1 || static_cast<std::size_t>(parameters) > left) {
    throw data_error(path, "its FITS header has PCOUNT = {}, GCOUNT = {}: random groups are not read", parameters,
                     groups);
  }
  unit.bytes = (count + static_cast<std::size_t>(parameters)) * unit.number_bytes;
  if (unit.bytes > left) throw data_error(path, "is cut off: {} bytes of an image are missing", unit.bytes - left);
  return unit;
}

at::Tensor values_of(const Header& header, const Unit& unit, std::string numbers, const std::string& path) {
  swap_bytes(numbers.data(), numbers.size(), unit.number_bytes);  // stored with the high byte first
  const bool floats = whole(header, "BITPIX", std::nullopt, path) < 0;
  const at::ScalarType type = floats                   ? (unit.number_bytes == 4 ? at::kFloat : at::kDouble)
                              : unit.number_bytes == 1 ? at::kByte
                              : unit.number_bytes == 2 ? at::kShort
                              : unit.number_bytes == 4 ? at::kInt
                                                       : at::kLong;
  at::Tensor stored = at::empty(unit.shape, at::dtype(type));
  std::memcpy(stored.data_ptr(), numbers.data(), stored.nbytes());
  at::Tensor values = stored.to(at::kDouble);
  const double scale = number(header, "BSCALE", 1, path), zero = number(header, "BZERO", 0, path);
  if (scale != 1 || zero != 0) values = values * scale + zero;
  if (!floats && header.contains("BLANK")) {
    values.masked_fill_(stored == whole(header, "BLANK", 0, path), std::numeric_limits<double>::quiet_NaN());
  }
  return values;
}

std::string card(const std::string& keyword, const std::string& value, const std::string& comment) {
  std::string text = fmt::format("{:<8}= {:>20} / {}", keyword, value, comment);
  text.resize(card_bytes, ' ');
  return text;
}

}  // namespace

bool is_fits(const std::string& path) {
  constexpr std::size_t length = 9;
  std::string begin(length, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(begin.data(), length)) return false;
  return begin == "SIMPLE  =" || (is_gzip(begin) && (path.ends_with(".fits.gz") || path.ends_with(".fit.gz")));
}

std::vector<FitsImage> read_fits(const std::string& path, std::int64_t max_bytes) {
  std::string bytes = read_whole_file(path, max_bytes);
  if (is_gzip(bytes)) bytes = gunzip(bytes, max_bytes, path);
  if (!bytes.starts_with("SIMPLE  =")) throw data_error(path, "expected a FITS file, it does not begin as one");
  std::vector<FitsImage> images;
  bool packed = false;
  for (std::size_t at = 0; at + card_bytes <= bytes.size();) {
    Header header = read_header(bytes, at, path);
    if (at > bytes.size()) at = bytes.size();
    const Unit unit = unit_of(header, bytes.size() - at, path);
    const bool image = !header.contains("XTENSION") || header.at("XTENSION") == "IMAGE";
    packed = packed || header.contains("ZIMAGE");
    if (image && unit.shape.size() >= 2 && TensorSpec{unit.shape}.numel() > 0) {
      const std::size_t numbers = static_cast<std::size_t>(TensorSpec{unit.shape}.numel()) * unit.number_bytes;
      const at::Tensor values = values_of(header, unit, bytes.substr(at, numbers), path);
      const std::string name = header.contains("EXTNAME") ? header.at("EXTNAME") : "";
      images.push_back({.name = name, .values = values, .header = std::move(header)});
    }
    at += (unit.bytes + fits_block - 1) / fits_block * fits_block;
  }
  if (images.empty()) {
    throw data_error(
        path, "{}",
        packed ? "its images are packed in tiles; unpack them with funpack" : "has no image: only tables, or nothing");
  }
  return images;
}

FitsImage read_fits_image(const std::string& path, const std::string& which) {
  std::vector<FitsImage> images = read_fits(path);
  if (which.empty()) return images.front();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (images[i].name == which || std::to_string(i) == which) return images[i];
    names.push_back(images[i].name.empty() ? std::to_string(i) : images[i].name);
  }
  throw data_error(path, "has no image '{}', only {}", which, fmt::join(names, ", "));
}

void write_fits(const std::string& path, const at::Tensor& values) {
  at::Tensor stored = values.is_complex() ? values.abs() : values;
  stored = stored.to(at::kCPU, at::kFloat).contiguous();
  std::string bytes = card("SIMPLE", "T", "FITS standard 4.0");
  bytes += card("BITPIX", "-32", "float32");
  bytes += card("NAXIS", std::to_string(stored.dim()), "axes, the fastest first");
  for (std::int64_t axis = 1; axis <= stored.dim(); ++axis) {
    bytes += card(fmt::format("NAXIS{}", axis), std::to_string(stored.size(-axis)), "");
  }
  bytes += fmt::format("{:<{}}", "HISTORY reconstructed by recon", card_bytes);
  bytes += fmt::format("{:<{}}", "END", card_bytes);
  bytes.append((fits_block - bytes.size() % fits_block) % fits_block, ' ');
  std::string numbers(static_cast<const char*>(stored.const_data_ptr()), stored.nbytes());
  swap_bytes(numbers.data(), numbers.size(), sizeof(float));
  numbers.append((fits_block - numbers.size() % fits_block) % fits_block, '\0');
  write_file_atomically(path, bytes + numbers);
}

}  // namespace recon
