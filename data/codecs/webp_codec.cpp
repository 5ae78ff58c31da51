#include <ATen/ATen.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include "data/codecs/picture_codecs.h"

namespace recon {

at::Tensor decode_webp(const EncodedPicture& picture) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(picture.bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes, picture.bytes.size(), &features) != VP8_STATUS_OK) {
    throw picture.damaged("WebP", "its header is not sound");
  }
  if (features.has_animation != 0) throw picture.damaged("WebP", "it is an animation");
  picture.check_size(features.width, features.height);
  const int channels = features.has_alpha != 0 ? 4 : 3;
  const at::Tensor pixels = at::empty({features.height, features.width, channels}, at::kByte);
  const auto decode = channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(bytes, picture.bytes.size(), pixels.mutable_data_ptr<std::uint8_t>(), pixels.nbytes(),
             features.width * channels) == nullptr) {
    throw picture.damaged("WebP", "its pixels cannot be decoded");
  }
  return pixels;
}

std::string encode_webp(const at::Tensor& pixels) {
  const at::Tensor rgb = pixels.expand({-1, -1, 3}).contiguous();
  const int height = static_cast<int>(rgb.size(0)), width = static_cast<int>(rgb.size(1));
  std::uint8_t* encoded = nullptr;
  const std::size_t size =
      WebPEncodeLosslessRGB(rgb.const_data_ptr<std::uint8_t>(), width, height, 3 * width, &encoded);
  if (size == 0) throw internal_error("WebP", "cannot encode a picture of {} x {}", width, height);
  std::string bytes(reinterpret_cast<const char*>(encoded), size);
  WebPFree(encoded);
  return bytes;
}

}  // namespace recon
