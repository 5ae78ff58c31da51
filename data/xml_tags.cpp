#include "data/xml_tags.h"

#include <charconv>
#include <cstdint>

namespace recon {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string utf8_of(std::uint32_t code) {
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0U | code >> 6U), static_cast<char>(0x80U | (code & 0x3FU))};
  if (code >= 0x10000) return "?";
  return {static_cast<char>(0xE0U | code >> 12U), static_cast<char>(0x80U | (code >> 6U & 0x3FU)),
          static_cast<char>(0x80U | (code & 0x3FU))};
}

/// The character that an entity stands for: amp, #181, #xB5. Others stay as they are.
std::string entity(std::string_view name) {
  if (name == "amp") return "&";
  if (name == "lt") return "<";
  if (name == "gt") return ">";
  if (name == "quot") return "\"";
  if (name == "apos") return "'";
  if (name.starts_with("#")) {
    const bool hexadecimal = name.starts_with("#x");
    const std::string_view digits = name.substr(hexadecimal ? 2 : 1);
    std::uint32_t code = 0;
    const auto [rest, status] = std::from_chars(digits.begin(), digits.end(), code, hexadecimal ? 16 : 10);
    if (status == std::errc() && rest == digits.end()) return utf8_of(code);
  }
  return "&" + std::string(name) + ";";
}

std::string without_entities(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = text.find('&'), end = begin == std::string_view::npos ? begin : text.find(';', begin);
    if (end == std::string_view::npos) return out + std::string(text);
    out += std::string(text.substr(0, begin)) + entity(text.substr(begin + 1, end - begin - 1));
    text = text.substr(end + 1);
  }
  return out;
}

/// Of what stands between < and >.
XmlTag tag_of(std::string_view inside) {
  XmlTag tag;
  const std::size_t name_end = inside.find_first_of(" \t\r\n/");
  const std::string_view name = inside.substr(0, name_end);
  tag.name = std::string(name.substr(name.find(':') == std::string_view::npos ? 0 : name.find(':') + 1));
  std::size_t at = name_end;
  while (at < inside.size()) {
    const std::size_t begin = inside.find_first_not_of(blanks, at);
    if (begin == std::string_view::npos) break;
    const std::size_t equals = inside.find('=', begin);
    if (equals == std::string_view::npos) break;
    const std::size_t quote = inside.find_first_of("\"'", equals);
    if (quote == std::string_view::npos) break;
    const std::size_t close = inside.find(inside[quote], quote + 1);
    if (close == std::string_view::npos) break;
    const std::string_view key = inside.substr(begin, inside.find_last_not_of(blanks, equals - 1) + 1 - begin);
    tag.attributes[std::string(key)] = without_entities(inside.substr(quote + 1, close - quote - 1));
    at = close + 1;
  }
  return tag;
}

/// Where the tag that begins at `begin` ends: a > that stands in no quotes.
std::size_t end_of_tag(std::string_view text, std::size_t begin) {
  char quote = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '>') {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::vector<XmlTag> xml_tags(std::string_view text) {
  std::vector<XmlTag> tags;
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    const std::string_view rest = text.substr(at);
    const auto skip_to = [&](std::string_view mark) {
      const std::size_t end = text.find(mark, at);
      at = end == std::string_view::npos ? text.size() : end + mark.size();
    };
    if (rest.starts_with("<!--")) {
      skip_to("-->");
    } else if (rest.starts_with("<![CDATA[")) {
      skip_to("]]>");
    } else if (rest.starts_with("<?") || rest.starts_with("</") || rest.starts_with("<!")) {
      skip_to(">");
    } else {
      const std::size_t end = end_of_tag(text, at + 1);
      if (end == std::string_view::npos) break;
      tags.push_back(tag_of(text.substr(at + 1, end - at - 1)));
      at = end + 1;
    }
  }
  return tags;
}

}  // namespace recon
