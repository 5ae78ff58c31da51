#include "priors/networks/banded_execution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "priors/networks/memory_need.h"
#include "recon/core/memory_budget.h"

namespace recon {
namespace {

/// Mean and variance of each channel over all pixels, [B, C] in double precision.
struct Moments {
  at::Tensor mean, variance;
};

struct StoredPart final : FeaturePart {
  explicit StoredPart(std::shared_ptr<RowStore> of) : FeaturePart(of->shape()), rows(std::move(of)) {}
  std::shared_ptr<RowStore> rows;
  std::optional<Moments> moments = {};  ///< once they are asked for
};

StoredPart& stored(const std::shared_ptr<FeaturePart>& part) { return static_cast<StoredPart&>(*part); }

struct Band {
  std::int64_t from, to;            ///< rows of the output
  std::int64_t wide_from, wide_to;  ///< with the rows that may be wrong at the cuts

  std::int64_t rows() const { return to - from; }
  at::Tensor inner(const at::Tensor& wide) const { return wide.narrow(2, from - wide_from, rows()); }
};

std::vector<Band> bands_of(std::int64_t height, std::int64_t rows, std::int64_t reach) {
  std::vector<Band> bands;
  for (std::int64_t from = 0; from < height; from += rows) {
    const std::int64_t to = std::min(from + rows, height);
    bands.push_back({from, to, std::max<std::int64_t>(from - reach, 0), std::min(to + reach, height)});
  }
  return bands;
}

/// The first of an input's rows that a pass of `height` rows needs for its row `row`.
std::int64_t input_row(std::int64_t row, std::int64_t input_height, std::int64_t height) {
  return row * input_height / height;
}

at::Tensor read_map(const FeatureMap& map, std::int64_t from, std::int64_t to) {
  std::vector<at::Tensor> rows;
  for (const auto& part : map.parts) rows.push_back(stored(part).rows->read(from, to));
  return rows.size() == 1 ? rows.front() : at::cat(rows, 1);
}

/// The rows of a map that a band of a pass of `height` rows needs.
at::Tensor read_band(const FeatureMap& map, const Band& band, std::int64_t height) {
  const std::int64_t own = map.parts.front()->shape[2];
  return read_map(map, input_row(band.wide_from, own, height), input_row(band.wide_to, own, height));
}

Moments moments_of(const RowStore& store, std::int64_t rows) {
  const Shape& shape = store.shape();
  at::Tensor mean = at::zeros({shape[0], shape[1]}, at::kDouble), squares = at::zeros_like(mean);
  std::int64_t seen = 0;
  for (std::int64_t from = 0; from < shape[2]; from += rows) {
    const at::Tensor band = store.read(from, std::min(from + rows, shape[2]));
    const auto [band_variance, band_mean] = at::var_mean(band, at::IntArrayRef{2, 3}, /*unbiased=*/false);
    const std::int64_t count = band.size(2) * band.size(3), all = seen + count;
    // Chan, Golub & LeVeque 1983: the sums of squares of two sets about their common mean.
    const at::Tensor apart = band_mean.to(at::kDouble) - mean;
    const auto share = static_cast<double>(count) / static_cast<double>(all);
    squares += band_variance.to(at::kDouble) * count + apart.square() * (static_cast<double>(seen) * share);
    mean += apart * share;
    seen = all;
  }
  return {.mean = mean, .variance = squares / seen};
}

const Moments& moments_of(const std::shared_ptr<FeaturePart>& part) {
  StoredPart& of = stored(part);
  if (!of.moments) {
    const c10::NoGradGuard no_grad;
    const std::int64_t row = of.shape[0] * of.shape[1] * of.shape[3] * static_cast<std::int64_t>(sizeof(float));
    of.moments = moments_of(*of.rows, std::max<std::int64_t>(1, BandedExecution::kBandBytes / 8 / row));
  }
  return *of.moments;
}

/// Those of a map of several parts.
Moments joined_moments(const FeatureMap& map) {
  std::vector<at::Tensor> means, variances;
  for (const auto& part : map.parts) {
    means.push_back(moments_of(part).mean);
    variances.push_back(moments_of(part).variance);
  }
  return {.mean = at::cat(means, 1), .variance = at::cat(variances, 1)};
}

/// What the norm of a pass does, with the statistics that it follows from: a small tape of its own.
struct NormOfPass {
  Moments moments;
  ChannelAffine affine;

  NormOfPass(const Pass& pass, const FeatureMap& input, bool taped) : moments(joined_moments(input)) {
    const c10::AutoGradMode mode(taped);
    moments.mean = moments.mean.detach().requires_grad_(taped);
    moments.variance = moments.variance.detach().requires_grad_(taped);
    affine = pass.norm->affine(moments.mean, moments.variance);
  }
  at::Tensor scale() const { return affine.scale.detach().to(at::kFloat).unsqueeze(-1).unsqueeze(-1); }
  at::Tensor shift() const { return affine.shift.detach().to(at::kFloat).unsqueeze(-1).unsqueeze(-1); }
  /// Norm and activation of some rows.
  static at::Tensor of(const Pass& pass, const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift) {
    const at::Tensor z = at::addcmul(shift, x, scale);
    return pass.activation ? activate(*pass.activation, z) : z;
  }
};

}  // namespace

/// The gradients of a pullback by what they are with respect to; those of parts that were not reached yet are zero.
class BandedExecution::Gradients {
 public:
  explicit Gradients(const BandedExecution& execution) : execution_(execution) {}

  /// None: the result does not depend on that part.
  std::shared_ptr<RowStore> taken(const std::shared_ptr<FeaturePart>& part) {
    const auto found = stores_.find(part.get());
    if (found == stores_.end()) return nullptr;
    const std::shared_ptr<RowStore> store = found->second;
    stores_.erase(found);
    return store;
  }
  RowStore& of(const std::shared_ptr<FeaturePart>& part) {
    std::shared_ptr<RowStore>& store = stores_[part.get()];
    if (!store) store = execution_.make_store(part->shape);
    return *store;
  }
  /// Adds rows of a map's gradient from `from` on, to each part its channels.
  void add(const FeatureMap& map, std::int64_t from, const at::Tensor& rows) {
    std::int64_t channel = 0;
    for (const auto& part : map.parts) {
      of(part).add(from, rows.narrow(1, channel, part->shape[1]));
      channel += part->shape[1];
    }
  }
  /// Adds what goes through the statistics of a norm: gradients with respect to them, [B, C] each.
  void add_through_moments(const FeatureMap& map, const Moments& moments, std::int64_t rows) {
    std::int64_t channel = 0;
    for (const auto& part : map.parts) {
      const Shape& shape = part->shape;
      const auto pixels = static_cast<double>(shape[2] * shape[3]);
      const auto own = [&](const at::Tensor& all) { return all.narrow(1, channel, shape[1]); };
      const at::Tensor slope = own(moments.variance) * (2 / pixels);
      const at::Tensor offset = own(moments.mean) / pixels - slope * moments_of(part).mean;
      const auto spread = [](const at::Tensor& each) { return each.to(at::kFloat).unsqueeze(-1).unsqueeze(-1); };
      for (std::int64_t from = 0; from < shape[2]; from += rows) {
        const at::Tensor x = stored(part).rows->read(from, std::min(from + rows, shape[2]));
        of(part).add(from, x * spread(slope) + spread(offset));
      }
      channel += shape[1];
    }
  }

 private:
  const BandedExecution& execution_;
  std::map<const FeaturePart*, std::shared_ptr<RowStore>> stores_;
};

FeatureMap BandedExecution::input(const at::Tensor& x) const {
  auto store = make_store(x.sizes().vec());
  store->write(0, x);
  return {.parts = {std::make_shared<StoredPart>(std::move(store))}};
}

at::Tensor BandedExecution::tensor(const FeatureMap& map) const { return read_map(map, 0, shape_of(map)[2]); }

FeatureMap BandedExecution::concatenated(const FeatureMap& a, const FeatureMap& b) {
  FeatureMap joined = a;
  joined.parts.insert(joined.parts.end(), b.parts.begin(), b.parts.end());
  return joined;
}

std::shared_ptr<RowStore> BandedExecution::make_store(const Shape& shape) const {
  const std::int64_t bytes = TensorSpec{shape}.numel() * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t left = std::max(options_.memory / 3, options_.reserve);
  const bool fits = resident_bytes() + bytes <= options_.memory - left;
  return std::make_shared<RowStore>(shape, fits ? RowStore::Place::memory : RowStore::Place::file);
}

std::int64_t BandedExecution::band_rows(const Pass& pass, const std::vector<FeatureMap>& inputs) const {
  if (pass.everywhere) return output_shape(pass, inputs.front())[2];
  const std::int64_t fitting = std::min(options_.band_bytes, options_.memory / 8) / working_bytes_per_row(pass, inputs);
  return std::max(kLeastBandRows, (fitting - 2 * pass.reach) / 2 * 2);
}

FeatureMap BandedExecution::run(Pass pass, std::vector<FeatureMap> inputs) {
  const Shape shape = output_shape(pass, inputs.front());
  const std::optional<NormOfPass> norm =
      pass.norm != nullptr ? std::optional<NormOfPass>(std::in_place, pass, inputs.front(), false) : std::nullopt;
  auto store = make_store(shape);
  for (const Band& band : bands_of(shape[2], band_rows(pass, inputs), pass.reach)) {
    std::vector<at::Tensor> rows;
    for (const auto& input : inputs) rows.push_back(read_band(input, band, shape[2]));
    if (norm) rows.front() = norm->of(pass, rows.front(), norm->scale(), norm->shift());
    store->write(band.from, band.inner(pass.map(rows)));
  }
  FeatureMap out{.parts = {std::make_shared<StoredPart>(std::move(store))}};
  if (options_.recording) recorded_.push_back({std::move(pass), std::move(inputs), out});
  return out;
}

void BandedExecution::pull_back(const Recorded& recorded, Gradients& gradients) const {
  const auto& [pass, inputs, out] = recorded;
  const std::shared_ptr<RowStore> v = gradients.taken(out.parts.front());
  if (!v) return;
  const std::int64_t height = v->shape()[2], step = band_rows(pass, inputs);
  std::optional<NormOfPass> norm;
  at::Tensor scale_gradient, shift_gradient;
  if (pass.norm != nullptr) {
    norm.emplace(pass, inputs.front(), true);
    scale_gradient = at::zeros_like(norm->moments.mean), shift_gradient = at::zeros_like(norm->moments.mean);
  }
  for (const Band& band : bands_of(height, step, pass.reach)) {
    const c10::AutoGradMode with_grad(true);
    std::vector<at::Tensor> leaves, rows;
    for (const auto& input : inputs) leaves.push_back(read_band(input, band, height).detach().requires_grad_(true));
    rows = leaves;
    if (norm) {
      leaves.push_back(norm->scale().requires_grad_(true));
      leaves.push_back(norm->shift().requires_grad_(true));
      rows.front() = norm->of(pass, rows.front(), leaves.end()[-2], leaves.back());
    }
    const at::Tensor result = band.inner(pass.map(rows)).to(at::kFloat);  // of reduced precision, perhaps
    auto pulled = torch::autograd::grad({result}, leaves, {v->read(band.from, band.to)});
    const c10::NoGradGuard no_grad;
    if (norm) {
      scale_gradient += pulled.end()[-2].flatten(1).to(at::kDouble);
      shift_gradient += pulled.back().flatten(1).to(at::kDouble);
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::int64_t own = inputs[i].parts.front()->shape[2];
      gradients.add(inputs[i], input_row(band.wide_from, own, height), pulled[i]);
    }
  }
  if (!norm) return;
  const auto through =
      torch::autograd::grad({norm->affine.scale, norm->affine.shift}, {norm->moments.mean, norm->moments.variance},
                            {scale_gradient, shift_gradient});
  gradients.add_through_moments(inputs.front(), {.mean = through[0], .variance = through[1]}, step);
}

at::Tensor BandedExecution::pullback(const FeatureMap& x, const FeatureMap& out, const at::Tensor& v) const {
  const c10::NoGradGuard no_grad;
  return_freed_memory();
  Gradients gradients(*this);
  gradients.add(out, 0, v);
  for (auto recorded = recorded_.rbegin(); recorded != recorded_.rend(); ++recorded) pull_back(*recorded, gradients);
  const std::shared_ptr<RowStore> pulled = gradients.taken(x.parts.front());
  return pulled ? pulled->read(0, pulled->shape()[2]) : at::zeros(x.parts.front()->shape, at::kFloat);
}

}  // namespace recon
