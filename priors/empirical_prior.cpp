#include "priors/empirical_prior.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kMseDraws = 32;

ImageDomain domain_of_images(const at::Tensor& images, double width, double low, double high, const std::string& name) {
  const std::string location = "prior " + name;
  if (!images.defined() || images.dim() != 4 || images.size(0) < 1 || images.is_complex()) {
    throw data_error(location, "expected real images [N, C, H, W], one at least, got {}",
                     images.defined() ? to_string(shape_of(images)) : "none");
  }
  require_finite(images, location);
  if (!(width > 0 && std::isfinite(width))) throw data_error(location, "expected a width > 0, got {}", width);
  return {.channels = images.size(1), .fixed_size = {images.size(2), images.size(3)}, .low = low, .high = high};
}

/// One draw in 32 different images, or in all of them in turn.
at::Tensor drawn_images(std::int64_t count) {
  return at::floor(at::arange(kMseDraws, at::kDouble) * (static_cast<double>(count) / kMseDraws)).to(at::kLong);
}

}  // namespace

EmpiricalPrior::EmpiricalPrior(const at::Tensor& images, double width, NoiseSchedule schedule, double low, double high,
                               std::string name)
    : Prior(name, domain_of_images(images, width, low, high, name), std::move(schedule)),
      images_(images),
      half_squares_(0.5 * images_.value().flatten(1).square().sum(1)),
      width_(width),
      mse_table_([this](double relative_sigma) { return measured_mse(relative_sigma); }) {}

at::Tensor EmpiricalPrior::responsibilities(const at::Tensor& x_t, const NoiseLevel& level) const {
  const double r = level.relative_sigma();
  const at::Tensor u = x_t.to(at::kDouble).flatten(1) / level.alpha;
  // ||u||² is the same for all images; the softmax takes the largest logit away.
  const at::Tensor closeness = at::matmul(u, images_.like(u).flatten(1).t()) - half_squares_.like(u);
  return at::softmax(closeness / (width_ * width_ + r * r), 1);
}

at::Tensor EmpiricalPrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  const double r2 = level.relative_sigma() * level.relative_sigma(), w2 = width_ * width_;
  const at::Tensor shares = responsibilities(x_t, level);
  const at::Tensor mean = at::matmul(shares, images_.like(shares).flatten(1)).view(x_t.sizes());
  return (r2 / (w2 + r2) * mean + w2 / (w2 + r2) / level.alpha * x_t.to(at::kDouble)).to(x_t.scalar_type());
}

at::Tensor EmpiricalPrior::sample(const Rng& rng, const std::vector<StreamKey>& keys,
                                  const at::TensorOptions& like) const {
  const auto count = static_cast<double>(images().size(0));
  const at::Tensor position = rng.uniform(keys, 1, {{1}, ScalarKind::real}).flatten();
  const at::Tensor white = rng.normal(keys, 0, spec_of_item(images()), like);
  const at::Tensor which = at::floor(position * count).to(at::kLong);
  return images().index_select(0, which).to(white.options()) + width_ * white;
}

at::Tensor EmpiricalPrior::power_spectrum(std::int64_t height, std::int64_t width) const {
  if (domain().fixed_size != std::vector<std::int64_t>{height, width}) return {};
  const at::Tensor centred = images() - images().mean(0, true);
  const at::Tensor power = at::fft_fft2(centred).abs().square().mean(0) / static_cast<double>(height * width);
  return power + width_ * width_;
}

/// The mean over x_t = a_j + s z of Var[x_0 | x_t] = C H W width² r²/s² + (r²/s²)² (sum_k p_k ||a_k||² - ||m||²),
/// m = sum_k p_k a_k, per pixel.
double EmpiricalPrior::measured_mse(double relative_sigma) const {
  const at::Tensor all = images().flatten(1), drawn = all.index_select(0, drawn_images(all.size(0)));
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < kMseDraws; ++i) keys.push_back({0, static_cast<std::uint32_t>(i)});
  const at::Tensor z = Rng(0, "empirical mse").normal(keys, 0, spec_of_item(all), at::kDouble);
  const double r2 = relative_sigma * relative_sigma, s2 = width_ * width_ + r2;
  const at::Tensor x_t = drawn + std::sqrt(s2) * z;
  const at::Tensor shares = responsibilities(x_t, {1, relative_sigma});
  const at::Tensor second = at::matmul(shares, 2 * half_squares_.value());
  const at::Tensor between = (second - at::matmul(shares, all).square().sum(1)).clamp_min(0).mean();
  const double shrunk = r2 / s2;
  return width_ * width_ * shrunk + shrunk * shrunk * between.item<double>() / static_cast<double>(all.size(1));
}

}  // namespace recon
