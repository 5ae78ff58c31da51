#include "data/codecs/pixels.h"

namespace recon {

void EncodedPicture::check_size(std::int64_t width, std::int64_t height) const {
  if (width < 1 || height < 1) throw data_error(path, "the picture is empty ({} x {} pixels)", width, height);
  if (width <= max_pixels / height) return;
  throw data_error(path, "expected at most {} pixels, got {} x {}; scale the picture down", max_pixels, width, height);
}

Error EncodedPicture::damaged(const char* kind, const std::string& reason) const {
  return data_error(path, "cannot read this {} picture ({}); convert or fetch it again", kind, reason);
}

}  // namespace recon
