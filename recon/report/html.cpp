#include "recon/report/html.h"

#include <fmt/format.h>

#include <cstdint>

#include "recon/report/page_assets.h"

namespace recon {

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t given = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      word = word << 8U | (k < given ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) out += k <= given ? digits[word >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

std::string picture_data_uri(std::string_view webp) { return "data:image/webp;base64," + base64(webp); }

std::string html_figure(const PageFigure& figure) {
  return fmt::format(
      "<figure><img tabindex=\"0\" data-group=\"{}\" data-label=\"{}\" alt=\"{}\" src=\"{}\">"
      "<figcaption>{}</figcaption></figure>\n",
      html_escaped(figure.group), html_escaped(figure.label.empty() ? figure.caption : figure.label),
      html_escaped(figure.caption), picture_data_uri(figure.picture), html_escaped(figure.caption));
}

std::string html_slices(const PageSlices& volume) {
  const std::int64_t middle = volume.slices / 2;
  return fmt::format(
      "<figure class=\"slices\"><div style=\"aspect-ratio: {} / {}\"><img src=\"{}\" style=\"transform: "
      "translateY(-{:.6g}%)\" alt=\"slices of the volume\"></div>\n<input type=\"range\" data-slices=\"{}\" max=\"{}\" "
      "value=\"{}\" aria-label=\"slice\"><figcaption>slice {} of {}</figcaption></figure>\n",
      volume.width, volume.height, picture_data_uri(volume.picture),
      100.0 * static_cast<double>(middle) / static_cast<double>(volume.slices), html_escaped(volume.group),
      volume.slices - 1, middle, middle + 1, volume.slices);
}

std::string html_page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>{}</style>\n"
      "</head>\n<body>\n<main>\n{}</main>\n{}\n<script>{}</script>\n</body>\n</html>\n",
      html_escaped(title), page_style, body, page_viewer, page_script);
}

}  // namespace recon
