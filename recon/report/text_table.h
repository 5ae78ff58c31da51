#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace recon {

/// Characters that a UTF-8 text takes on a screen, not bytes.
int displayed_width(const std::string& text);
/// "3.14"; "-" for NaN and infinity.
std::string cell(double value, int digits);
/// Columns padded to their widest cell; the first `left` ones say what a line is about and are flush left. Widths count
/// characters, not bytes. A table wider than `screen` characters (0: no limit) becomes several below each other, each
/// with the first `left` columns again.
std::string aligned(const std::vector<std::vector<std::string>>& lines, std::size_t left, std::size_t screen = 0);
/// A field of RFC 4180: quoted when it has to be.
std::string csv_field(const std::string& text);
/// JSON has no NaN and no infinity: null.
nlohmann::ordered_json number_or_null(double value);

}  // namespace recon
