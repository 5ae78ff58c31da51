#include "priors/networks/memory_need.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace recon {
namespace {

/// Arrays of the size of a pass's inputs and of its output that are there at a time.
constexpr std::int64_t kInputCopies = 14, kOutputCopies = 8;

std::int64_t bytes_of(const Shape& shape) {
  return TensorSpec{shape}.numel() * static_cast<std::int64_t>(sizeof(float));
}

/// Features of that size, without any; they count while they live.
struct CountedPart final : FeaturePart {
  CountedPart(Shape of, std::int64_t& sum) : FeaturePart(std::move(of)), live(sum) { live += bytes_of(shape); }
  ~CountedPart() override { live -= bytes_of(shape); }
  CountedPart(const CountedPart&) = delete;
  CountedPart& operator=(const CountedPart&) = delete;
  std::int64_t& live;
};

/// Goes through the passes of a network without computing anything.
class CountingExecution final : public Execution {
 public:
  FeatureMap map(Shape shape) { return {.parts = {std::make_shared<CountedPart>(std::move(shape), live_)}}; }
  /// A tensor of its own in a whole execution, which the tape keeps.
  FeatureMap concatenated(const FeatureMap& a, const FeatureMap& b) override {
    Shape shape = shape_of(a);
    shape[1] += shape_of(b)[1];
    taped_ += bytes_of(shape);
    return map(std::move(shape));
  }
  MemoryNeed need() const { return {.whole = peak_, .whole_taped = taped_ + peak_, .bands = bands_}; }

 private:
  FeatureMap run(Pass pass, std::vector<FeatureMap> inputs) override {
    const Shape out = output_shape(pass, inputs.front());
    const std::int64_t given = bytes_of(shape_of(inputs.front())), taken = bytes_of(out);
    // A doubling is of the input, before the convolution.
    const std::int64_t largest = pass.resample == Resample::up ? 4 * given : given;
    peak_ = std::max(peak_, live_ + 3 * largest + 2 * taken);
    taped_ += taken + (pass.norm != nullptr || pass.everywhere ? 2 * largest : 0);
    const std::int64_t rows = pass.everywhere ? out[2] : std::min(out[2], kLeastBandRows + 2 * pass.reach);
    bands_ = std::max(bands_, rows * working_bytes_per_row(pass, inputs));
    return map(out);
  }

  std::int64_t live_ = 0, peak_ = 0, taped_ = 0, bands_ = 0;
};

}  // namespace

Shape shape_of(const FeatureMap& map) {
  Shape shape = map.parts.front()->shape;
  for (std::size_t i = 1; i < map.parts.size(); ++i) shape[1] += map.parts[i]->shape[1];
  return shape;
}

Shape output_shape(const Pass& pass, const FeatureMap& first) {
  Shape shape = shape_of(first);
  shape[1] = pass.channels;
  for (const std::size_t side : {2, 3}) {
    if (pass.resample == Resample::up) shape[side] *= 2;
    if (pass.resample == Resample::down) shape[side] /= 2;
  }
  return shape;
}

std::int64_t working_bytes_per_row(const Pass& pass, const std::vector<FeatureMap>& inputs) {
  const Shape out = output_shape(pass, inputs.front());
  std::int64_t bytes = kOutputCopies * bytes_of(out);
  for (const auto& input : inputs) bytes += kInputCopies * bytes_of(shape_of(input));
  if (pass.resample == Resample::up) bytes += 4 * kInputCopies * bytes_of(shape_of(inputs.front()));
  return bytes / out[2];
}

MemoryNeed memory_need(const LayeredNetwork& network, const Shape& images) {
  CountingExecution run;
  const at::Tensor times = at::ones({images[0]}, network.parameters().front().value.options());
  network.through(run, run.map(images), times);
  return run.need();
}

}  // namespace recon
