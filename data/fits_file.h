#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace recon {

/// An image of a FITS file. Its first row is the lowest in the sky; here rows are kept as they are stored, and written
/// back so.
struct FitsImage {
  std::string name;                           ///< EXTNAME; empty: it has none
  at::Tensor values;                          ///< float64 [.., H, W], BZERO + BSCALE * stored; NaN where BLANK says so
  std::map<std::string, std::string> header;  ///< keywords and values, texts without quotes
};

/// Whether a file begins as FITS does (also packed by gzip).
bool is_fits(const std::string& path);

/// The images of a file: the primary one and the extensions IMAGE, without those that are empty; tables are passed
/// over. FITS Standard 4.0 (https://fits.gsfc.nasa.gov/fits_standard.html). An own reader because Debian's cfitsio
/// brings the network stack of libcurl into every start of the program. Throws Error(data) for damage, images packed in
/// tiles (funpack unpacks them), files without an image, more than `max_bytes`.
std::vector<FitsImage> read_fits(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 30);

/// The image of that name or number (from 0 on, among the images); empty: the first. Throws Error(data).
FitsImage read_fits_image(const std::string& path, const std::string& which);

/// float32 [.., H, W] as the primary image, atomically; magnitudes of complex values.
void write_fits(const std::string& path, const at::Tensor& values);

}  // namespace recon
