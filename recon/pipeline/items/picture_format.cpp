// `format: picture`: the picture itself is what was measured.
#include "data/image_io.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct PictureOptions {
  ChannelRule channels = ChannelRule::as_stored;

  void visit(ParameterVisitor& v) { v.choice("channels", channels, "turn pictures into grey or colour ones"); }
};

/// The pages of a TIFF file are items.
ExternalFile open_picture(const PictureOptions& options, const std::string& path) {
  const std::int64_t pages = picture_pages(path);
  const auto reading = [options, pages](std::int64_t index) {
    ImageReadOptions read{.channels = options.channels, .alpha = AlphaRule::drop};
    if (pages > 1) read.page = index;
    return read;
  };
  const StoredPicture first = read_stored(path, reading(0));
  return {.count = pages,
          .measurement = spec_of_item(scaled_picture(first, reading(0), path).unsqueeze(0)),
          .y = [=](std::int64_t index) { return read_image(path, reading(index)); },
          .full_scale = first.full_scale};
}

}  // namespace

InputFormat picture_format() {
  InputFormat format = InputFormat::of<PictureOptions>(
      {.name = "picture", .summary = "PNG, JPEG, TIFF: a picture that is blurred, noisy, too small, ..."},
      open_picture);
  format.recognises = is_image_name;
  format.last_resort = true;
  format.estimates_noise = true;
  return format;
}

}  // namespace recon
