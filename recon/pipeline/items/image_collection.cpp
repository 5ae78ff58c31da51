#include "recon/pipeline/items/image_collection.h"

#include <ATen/ATen.h>

#include "data/image_source.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t cached_bytes = std::int64_t{4} << 30;

/// The sources one after the other.
class ImageList {
 public:
  ImageList(const std::vector<std::string>& sources, const ImageDomain& domain, const ImageRange& range)
      : channels_(domain.channels), scale_((domain.high - domain.low) / (range.high - range.low)) {
    shift_ = domain.low - range.low * scale_;
    ImageReadOptions read;
    read.channels = domain.channels == 3 ? ChannelRule::rgb : ChannelRule::gray;
    std::int64_t count = 0;
    for (const auto& text : sources) {
      sources_.push_back(ImageSource::open(text, read));
      count += sources_.back().count();
    }
    cache_.resize(static_cast<std::size_t>(count));
  }

  std::int64_t count() const { return static_cast<std::int64_t>(cache_.size()); }

  at::Tensor image(std::int64_t index) {
    at::Tensor& cached = cache_.at(static_cast<std::size_t>(index));
    if (cached.defined()) return cached;
    const at::Tensor image = decoded(index);
    bytes_ += static_cast<std::int64_t>(image.nbytes());
    if (bytes_ <= cached_bytes) cached = image;
    return image;
  }

 private:
  at::Tensor decoded(std::int64_t index) const {
    for (const auto& source : sources_) {
      if (index >= source.count()) {
        index -= source.count();
        continue;
      }
      const at::Tensor image = source.image(index);
      if (image.is_complex() || image.size(0) != channels_) {
        throw data_error(source.description(), "image {}: expected {} real channel(s), found {}; convert it", index,
                         channels_, spec_of_item(image.unsqueeze(0)).to_string());
      }
      return (image.to(at::kFloat) * scale_ + shift_).contiguous();
    }
    throw internal_error("ImageList", "there is no image {}", index);
  }

  std::int64_t channels_;
  double scale_, shift_;
  std::vector<ImageSource> sources_;
  std::vector<at::Tensor> cache_;
  std::int64_t bytes_ = 0;
};

}  // namespace

TrainingImages open_image_collection(const std::vector<std::string>& sources, const ImageDomain& domain,
                                     const ImageRange& range) {
  const auto list = std::make_shared<ImageList>(sources, domain, range);
  return {list->count(), [list](std::int64_t index) { return list->image(index); }, domain.low, domain.high};
}

}  // namespace recon
