#include "data/raw_mosaic.h"

#include <ATen/ATen.h>
#include <libraw/libraw.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "data/isolated_process.h"
#include "data/picture_orientation.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// What the child process sends before the values [height, width] float32.
struct RawHead {
  std::int32_t height = 0, width = 0, orientation = upright;
  std::array<char, 4> pattern{};
  std::array<double, 3> balance{1, 1, 1};
  double step = 0;
  std::array<double, 6> noise{};  ///< S, O of each colour, or one pair of all
  std::int32_t noise_numbers = 0;
  std::array<char, 130> camera{};
};

/// NoiseProfile of a DNG, which LibRaw leaves out but shows to whoever watches it read tags.
void keep_noise_profile(void* context, int tag, int type, int count, unsigned order, void* stream, long long) {
  constexpr int noise_profile = 51041, doubles = 12;
  constexpr unsigned big_endian = 0x4D4D;
  auto& facts = *static_cast<RawHead*>(context);
  if ((tag & 0xFFFF) != noise_profile || type != doubles || (count != 2 && count != 6)) return;
  std::array<std::uint64_t, 6> bits{};
  auto& file = *static_cast<LibRaw_abstract_datastream*>(stream);
  if (file.read(bits.data(), sizeof(double), static_cast<std::size_t>(count)) != count) return;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (order == big_endian) bits[i] = __builtin_bswap64(bits[i]);
    facts.noise[i] = std::bit_cast<double>(bits[i]);
  }
  facts.noise_numbers = count;
}

/// Damage that LibRaw would leave as black pixels.
void keep_data_fault(void* context, const char*, const int offset) {
  auto& fault = *static_cast<std::string*>(context);
  if (fault.empty()) {
    fault = offset < 0 ? "its pixels end too early" : fmt::format("its pixels are damaged near byte {}", offset);
  }
}

/// LibRaw's words for a failed step; empty: it worked.
std::string libraw_fault(int status) { return status == LIBRAW_SUCCESS ? "" : libraw_strerror(status); }

/// Of the visible area's top left 2 x 2 pixels; otherwise says in `fault` what sensor it is.
std::array<char, 4> bayer_pattern(LibRaw& raw, std::string& fault) {
  const libraw_iparams_t& camera = raw.imgdata.idata;
  constexpr unsigned x_trans = 9, smallest_mosaic = 1000;
  std::array<char, 4> pattern{};
  if (camera.filters == x_trans) {
    fault = "its sensor has an X-Trans mosaic (6 x 6)";
  } else if (camera.filters == 0) {
    fault = "it holds no mosaic of colour filters (a linear DNG, Foveon, or a sensor without filters)";
  } else if (camera.filters < smallest_mosaic || raw.is_fuji_rotated() != 0) {
    fault = "the filters of its sensor do not repeat every two pixels";
  } else {
    for (int row = 0; row < 8; ++row) {  // LibRaw's filters repeat after eight rows
      for (int column = 0; column < 2; ++column) {
        const auto place = static_cast<std::size_t>(2 * (row % 2) + column);
        const auto name = static_cast<char>(std::tolower(camera.cdesc[raw.COLOR(row, column)]));
        if (row >= 2 && pattern[place] != name) fault = "the filters of its sensor do not repeat every two pixels";
        pattern[place] = name;
      }
    }
    static constexpr std::array<std::string_view, 4> known = {"rggb", "bggr", "grbg", "gbrg"};
    const std::string_view found(pattern.data(), pattern.size());
    if (fault.empty() && std::find(known.begin(), known.end(), found) == known.end()) {
      fault = fmt::format("the filters of its sensor are '{}'", found);
    }
  }
  return pattern;
}

/// The camera's own balance, the smallest 1; zeros where it states none that makes sense.
std::array<double, 3> stated_balance(const libraw_colordata_t& colour) {
  std::array<double, 3> balance{};
  for (std::size_t i = 0; i < 3; ++i) balance[i] = colour.cam_mul[i];
  const auto sound = [](double value) { return std::isfinite(value) && value > 1e-6 && value < 1e6; };
  if (!std::all_of(balance.begin(), balance.end(), sound)) return {};
  const double least = *std::min_element(balance.begin(), balance.end());
  for (double& value : balance) value /= least;
  return balance;
}

/// LibRaw's `flip` (1: mirrored left to right, 2: top to bottom, 4: transposed, in this order) in the words of TIFF.
std::int32_t orientation_of(int flip) {
  static constexpr std::array<std::int32_t, 8> orientation = {upright, 2, 4, 3, 5, 8, 6, 7};
  return orientation[static_cast<std::size_t>(flip) & 7U];
}

constexpr ushort unwritten = 0xAAAA;

/// Whether pixels of the visible area were never written: LibRaw ends in silence at a tile that it cannot read, and
/// what its memory held before would pass for counts.
bool has_holes(const ushort* counts, int pitch, const libraw_image_sizes_t& sizes) {
  constexpr int least = 16;  // in a row; tiles are no narrower, and a count may happen to be this number
  for (int y = 0; y < sizes.height; ++y) {
    const ushort* const row = counts + (y + sizes.top_margin) * pitch + sizes.left_margin;
    for (int x = 0, run = 0; x < sizes.width; ++x) {
      run = row[x] == unwritten ? run + 1 : 0;
      if (run == least) return true;
    }
  }
  return false;
}

/// Facts and values, or a fault: "0...", "1..." for damage, "2..." for a sensor of another kind.
std::string decoded(const std::string& path) {
  RawHead facts;
  ::mallopt(M_PERTURB, (unwritten & 0xFF) ^ 0xFF);  // fresh memory is full of `unwritten`
  const auto owned = std::make_unique<LibRaw>();    // large for a stack
  LibRaw& raw = *owned;
  std::string damage;
  raw.set_exifparser_handler(keep_noise_profile, &facts);
  raw.set_dataerror_handler(keep_data_fault, &damage);
  std::string fault = libraw_fault(raw.open_file(path.c_str()));
  if (!fault.empty()) return "1" + fault;
  facts.pattern = bayer_pattern(raw, fault);
  if (!fault.empty()) return "2" + fault;
  fault = libraw_fault(raw.unpack());
  if (!fault.empty() || !damage.empty()) return "1" + (fault.empty() ? damage : fault);
  const ushort* counts = raw.imgdata.rawdata.raw_image;
  if (counts == nullptr) return "2it holds colours of each pixel, not a mosaic";
  const libraw_image_sizes_t& sizes = raw.imgdata.sizes;
  const libraw_colordata_t& colour = raw.imgdata.color;
  facts.height = sizes.height;
  facts.width = sizes.width;
  facts.orientation = orientation_of(sizes.flip);
  const int pitch = static_cast<int>(sizes.raw_pitch / sizeof(ushort));
  if (facts.height < 2 || facts.width < 2 || sizes.top_margin + facts.height > sizes.raw_height ||
      sizes.left_margin + facts.width > std::min<int>(sizes.raw_width, pitch)) {
    return "1its visible area lies outside its pixels";
  }
  if (has_holes(counts, pitch, sizes)) return "1pixels are missing";
  const std::array<double, 3> balance = stated_balance(colour);
  facts.balance = balance;
  fmt::format_to_n(facts.camera.data(), facts.camera.size() - 1, "{} {}", raw.imgdata.idata.make,
                   raw.imgdata.idata.model);
  const std::size_t rows = colour.cblack[4], columns = colour.cblack[5];
  if (rows * columns > LIBRAW_CBLACK_SIZE - 6) return "1its pattern of black levels is too large";
  double least_range = colour.maximum;
  std::string out(1 + sizeof facts, '0');
  std::vector<float> row(static_cast<std::size_t>(facts.width));
  for (int y = 0; y < facts.height; ++y) {
    for (int x = 0; x < facts.width; ++x) {
      double black = colour.black + colour.cblack[raw.COLOR(y, x)];  // LibRaw keeps the level in parts that add up
      if (rows * columns > 0) {
        black +=
            colour.cblack[6 + (static_cast<std::size_t>(y) % rows) * columns + static_cast<std::size_t>(x) % columns];
      }
      const double range = colour.maximum - black,
                   count = counts[(y + sizes.top_margin) * pitch + x + sizes.left_margin];
      if (range < 1) return fmt::format("1its black level {} is not below its white level {}", black, colour.maximum);
      least_range = std::min(least_range, range);
      row[static_cast<std::size_t>(x)] = static_cast<float>(std::min((count - black) / range, 1.0));
    }
    out.append(static_cast<const char*>(static_cast<const void*>(row.data())), row.size() * sizeof(float));
  }
  facts.step = 1 / least_range;
  std::memcpy(&out[1], &facts, sizeof facts);
  return out;
}

/// The pattern of the mosaic turned upright: where its top left pixels come from.
std::string turned_pattern(const std::array<char, 4>& pattern, std::int64_t height, std::int64_t width,
                           int orientation) {
  const at::Tensor place = 2 * (at::arange(height) % 2).unsqueeze(1) + at::arange(width) % 2;
  const at::Tensor turned = oriented(place, orientation);
  std::string found;
  for (std::int64_t i = 0; i < 4; ++i) {
    found += pattern[static_cast<std::size_t>(turned[i / 2][i % 2].item<std::int64_t>())];
  }
  return found;
}

/// Pairs of the three colours; none where they make no sense.
std::optional<RawMosaic::Noise> stated_noise(const RawHead& facts) {
  if (facts.noise_numbers == 0) return std::nullopt;
  RawMosaic::Noise noise{};
  for (std::size_t colour = 0; colour < 3; ++colour) {
    const std::size_t at = facts.noise_numbers == 2 ? 0 : 2 * colour;
    noise.per_signal[colour] = facts.noise[at];
    noise.constant[colour] = facts.noise[at + 1];
    const bool sound = std::isfinite(noise.per_signal[colour]) && std::isfinite(noise.constant[colour]) &&
                       noise.per_signal[colour] >= 0 && noise.constant[colour] >= 0 &&
                       noise.per_signal[colour] + noise.constant[colour] > 0 &&
                       noise.per_signal[colour] + noise.constant[colour] < 1;
    if (!sound) return std::nullopt;
  }
  return noise;
}

}  // namespace

RawMosaic read_raw_mosaic(const std::string& path) {
  std::error_code absent;
  const auto file_bytes = std::filesystem::file_size(path, absent);
  if (absent) throw data_error(path, "cannot be read: {}", absent.message());
  const auto seconds = 10 + static_cast<unsigned>(file_bytes >> 20U);  // slow decoders take a third of this
  const auto answer = run_isolated([&] { return decoded(path); }, seconds);
  if (!answer || answer->empty()) throw data_error(path, "LibRaw cannot read the file: damaged; fetch it again");
  if (answer->front() == '2') {
    throw data_error(path, "{}; expected a Bayer mosaic of red, green and blue; convert the file to a picture",
                     answer->substr(1));
  }
  if (answer->front() != '0') {
    throw data_error(path, "cannot be read as a camera's raw file ({}); the file may be damaged; fetch it again",
                     answer->substr(1));
  }
  RawHead facts;
  std::memcpy(&facts, answer->data() + 1, sizeof facts);
  RawMosaic mosaic;
  const at::Tensor stored = at::empty({facts.height, facts.width}, at::kFloat);
  std::memcpy(stored.data_ptr(), answer->data() + 1 + sizeof facts, stored.nbytes());
  mosaic.values = oriented(stored, facts.orientation).contiguous();
  mosaic.pattern = turned_pattern(facts.pattern, facts.height, facts.width, facts.orientation);
  mosaic.balance_is_stated = facts.balance[0] > 0;
  mosaic.balance = mosaic.balance_is_stated ? facts.balance : std::array<double, 3>{1, 1, 1};
  mosaic.step = facts.step;
  mosaic.noise = stated_noise(facts);
  mosaic.camera = facts.camera.data();
  return mosaic;
}

bool is_raw_name(const std::string& path) {
  static constexpr std::array<std::string_view, 16> endings = {".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw",
                                                               ".arw", ".srf", ".sr2", ".orf", ".rw2", ".pef",
                                                               ".raf", ".srw", ".3fr", ".iiq"};
  std::string ending = std::filesystem::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

}  // namespace recon
