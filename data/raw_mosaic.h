#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <string>

namespace recon {

/// What the sensor of a camera counted behind a mosaic of colour filters, in the linear units of the sensor.
struct RawMosaic {
  at::Tensor values;               ///< [H, W] float32, upright: (count - black) / (white - black); above 1 never
  std::string pattern;             ///< filters of the top left 2 x 2 pixels of `values`, row by row: "rggb", ...
  std::array<double, 3> balance;   ///< of red, green, blue: what makes grey of a grey thing, the smallest 1
  bool balance_is_stated = false;  ///< false: ones, nobody says it
  double step = 0;                 ///< of one count in `values`
  /// The file's own noise, variance = per_signal value + constant in the units of `values` (DNG's NoiseProfile), of
  /// red, green, blue; none: not stated.
  struct Noise {
    std::array<double, 3> per_signal, constant;
  };
  std::optional<Noise> noise = {};
  std::string camera;  ///< make and model
};

/// Reads the camera's raw file by LibRaw: DNG, CR2, CR3, NEF, ARW, ORF, RW2, PEF, RAF of Bayer sensors, ... The visible
/// area; black levels (one, per filter, or a pattern) subtracted; counts at the white level or above are 1. Turned
/// upright as the camera was held, the pattern with it.
///
/// DNG's NoiseProfile (DNG 1.4, tag 51041) has pairs (S, O) with variance = S x + O for x in [0, 1].
///
/// LibRaw runs in a child process (isolated_process.h): it may crash on a damaged file. Throws Error(data) for damage,
/// other files, and sensors without a Bayer mosaic by name (X-Trans, Foveon, four colours, linear DNG).
RawMosaic read_raw_mosaic(const std::string& path);

/// Whether the name ends like a camera's raw file (.dng, .nef, .cr2, ...; any case).
bool is_raw_name(const std::string& path);

}  // namespace recon
