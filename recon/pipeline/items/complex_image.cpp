#include "recon/pipeline/items/complex_image.h"

namespace recon {

ComplexImage complex_image_from(const std::string& text) {
  if (text == "magnitude") return ComplexImage::magnitude;
  if (text == "phase_from_centre") return ComplexImage::phase_from_centre;
  if (text == "two_channels") return ComplexImage::two_channels;
  return ComplexImage::none;
}

std::vector<std::string> complex_image_words() { return {"none", "magnitude", "phase_from_centre", "two_channels"}; }

}  // namespace recon
