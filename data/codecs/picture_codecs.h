#pragma once

#include "data/codecs/pixels.h"

namespace recon {

/// Decodes PNG, JPEG or WebP (TIFF: data/tiff_file.h), told apart by their first bytes, not by the name. Tensors as in
/// pixels.h, at most four channels. Throws Error(data): another kind of file (named where it is known), damaged, too
/// large.
at::Tensor decode_picture(const EncodedPicture& picture);

/// 8 or 16 bits a sample, alpha kept, palettes spelt out. A key colour becomes alpha in colour pictures only.
at::Tensor decode_png(const EncodedPicture& picture);
/// `pixels` as in pixels.h; `path` is for messages.
std::string encode_png(const at::Tensor& pixels, const std::string& path);

/// Grey or colour of 8 bits, stored upright or not: as stored. CMYK is refused.
at::Tensor decode_jpeg(const EncodedPicture& picture);

/// float32 [H, W, 1 or 3], uncompressed.
std::string encode_tiff(const at::Tensor& pixels, const std::string& path);

/// The first frame.
at::Tensor decode_webp(const EncodedPicture& picture);
/// uint8 [H, W, 1 or 3], lossless.
std::string encode_webp(const at::Tensor& pixels);

}  // namespace recon
