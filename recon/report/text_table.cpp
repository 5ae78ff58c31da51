#include "recon/report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace recon {
namespace {

const std::string gap = "  ";

std::size_t width_of(const std::string& text) { return static_cast<std::size_t>(displayed_width(text)); }

/// The `shown` columns of a line, the first `flush_left` of the table flush left.
std::string row_of(const std::vector<std::string>& line, const std::vector<std::size_t>& shown,
                   const std::vector<std::size_t>& widths, std::size_t flush_left) {
  std::string row;
  for (const std::size_t i : shown) {
    if (i >= line.size()) break;
    const std::string padding(widths[i] - width_of(line[i]), ' ');
    const bool to_the_left = i < flush_left || i + 1 == line.size();
    row += (i == 0 ? "" : gap) + (to_the_left ? line[i] + padding : padding + line[i]);
  }
  return row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

int displayed_width(const std::string& text) {
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return static_cast<int>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cell(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string aligned(const std::vector<std::vector<std::string>>& lines, std::size_t left, std::size_t screen) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()), 0);
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
  }
  std::string text;
  for (std::size_t next = 0; next < widths.size();) {
    std::vector<std::size_t> shown;
    std::size_t width = 0;
    const auto show = [&](std::size_t column) {
      width += widths[column] + (shown.empty() ? 0 : gap.size());
      shown.push_back(column);
    };
    for (std::size_t i = 0; next > 0 && i < left; ++i) show(i);
    do show(next++);
    while (next < widths.size() && (next < left || screen == 0 || width + gap.size() + widths[next] <= screen));
    if (!text.empty()) text += "\n";
    for (const auto& line : lines) text += row_of(line, shown, widths, left);
  }
  return text;
}

nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace recon
