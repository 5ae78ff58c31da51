#include "operators/blur/blur_estimation.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kLargestWindow = 256, kSmallestSide = 32;
constexpr double kWindowPeriods = 1.5;  // below it the Hann window mixes in the mean
constexpr double kNeighboursAsOne = 4;  // coefficients that a 2-D Hann window makes one
constexpr double kReference = 0.1;      // cycles per pixel at which S is exp(a)
constexpr double kExponent = 2.2;       // of photographs' power spectra
constexpr double kExponentStd = 0.4, kDirectionStd = 0.3;

/// The power spectrum of windows of images, and where it is looked at: one of each pair of opposite frequencies.
struct Periodogram {
  at::Tensor power;                    ///< [K] mean of |F(window y)|² / pixels
  at::Tensor terms;                    ///< [5, K] the functions of frequency whose sum is log S
  at::Tensor which;                    ///< [h, w] bool
  std::int64_t height = 0, width = 0;  ///< of the windows
  double weight = 1;                   ///< independent exponential variables per coefficient
};

std::vector<std::int64_t> window_places(std::int64_t side, std::int64_t window) {
  const std::int64_t count = 1 + (side - window + window / 2 - 1) / (window / 2);
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) places.push_back(count == 1 ? 0 : i * (side - window) / (count - 1));
  return places;
}

Periodogram periodogram_of(const at::Tensor& y) {
  Periodogram p;
  p.height = std::min(kLargestWindow, y.size(2));
  p.width = std::min(kLargestWindow, y.size(3));
  at::Tensor window = at::outer(at::hann_window(p.height, at::kDouble), at::hann_window(p.width, at::kDouble));
  window = window / window.square().mean().sqrt();
  at::Tensor sum = at::zeros({p.height, p.width}, at::kDouble);
  double windows = 0;
  for (const std::int64_t top : window_places(y.size(2), p.height)) {
    for (const std::int64_t left : window_places(y.size(3), p.width)) {
      const at::Tensor part = y.narrow(2, top, p.height).narrow(3, left, p.width);
      const at::Tensor centred = part - part.mean(at::IntArrayRef({2, 3}), true);
      sum += at::fft_fft2(centred * window).abs().square().flatten(0, 1).mean(0);
      ++windows;
    }
  }
  const at::Tensor power = sum / (windows * static_cast<double>(p.height * p.width));
  const at::Tensor rows = at::fft_fftfreq(p.height, 1.0, at::kDouble).unsqueeze(1).expand({-1, p.width});
  const at::Tensor columns = at::fft_fftfreq(p.width, 1.0, at::kDouble).unsqueeze(0).expand({p.height, -1});
  const at::Tensor f = (rows.square() + columns.square()).sqrt();
  const double lowest = kWindowPeriods / static_cast<double>(std::min(p.height, p.width));
  p.which = (f > lowest).logical_and((rows > 0).logical_or((rows == 0).logical_and(columns > 0)));
  const at::Tensor direction = at::atan2(rows, columns).masked_select(p.which);
  const at::Tensor log_f = (f.masked_select(p.which) / kReference).log();
  p.power = power.masked_select(p.which);
  p.terms =
      at::stack({at::ones_like(log_f), -log_f, (2 * direction).cos(), (2 * direction).sin(), (4 * direction).cos()});
  // Windows that overlap by half count in full, by more as far as they see other pixels; channels tell about the same.
  const auto independent = [](std::int64_t side, std::int64_t of_window) {
    return 2 * static_cast<double>(side) / static_cast<double>(of_window) - 1;
  };
  p.weight = static_cast<double>(y.size(0)) * independent(y.size(2), p.height) * independent(y.size(3), p.width) /
             kNeighboursAsOne;
  return p;
}

/// -log likelihood of kernels, the spectrum of the images fitted to each.
class KernelLikelihood {
 public:
  KernelLikelihood(Periodogram periodogram, std::optional<double> noise_std) : data_(std::move(periodogram)) {
    const at::Tensor at_reference = data_.power * (kExponent * -data_.terms[1]).exp();
    const double least = data_.power.mean().item<double>() * 1e-9;
    const double noise = noise_std ? *noise_std * *noise_std : data_.power.quantile(0.1).item<double>();
    const double log_signal = std::log(at_reference.median().item<double>());
    centre_ = at::tensor({log_signal, kExponent, 0., 0., 0., std::log(std::max(noise, least))}, at::kDouble);
    const double exponent = std::pow(kExponentStd, -2), direction = std::pow(kDirectionStd, -2);
    const double fixed = noise_std ? 1e12 : 0;
    precision_ = at::tensor({0., exponent, direction, direction, direction, fixed}, at::kDouble);
    start_ = centre_;
  }

  double of(const BlurKernel& kernel) {
    const TensorSpec image{{1, data_.height, data_.width}, ScalarKind::real};
    const at::Tensor k = kernel.on(image, "blur");
    const at::Tensor embedded = at::constant_pad_nd(k, {0, data_.width - k.size(1), 0, data_.height - k.size(0)});
    const at::Tensor gain = at::fft_fft2(embedded).abs().square().masked_select(data_.which);
    return fitted(gain);
  }

  double count() const { return data_.weight * static_cast<double>(data_.power.size(0)); }
  /// Found with the last kernel.
  double noise_std() const { return std::exp(0.5 * start_[5].item<double>()); }

 private:
  struct Model {
    at::Tensor signal, noise, mean;
    double objective = 0;
  };
  Model model(const at::Tensor& numbers, const at::Tensor& gain) const {
    Model m;
    m.signal = at::matmul(numbers.narrow(0, 0, 5), data_.terms).exp() * gain;
    m.noise = numbers[5].exp();
    m.mean = m.signal + m.noise;
    const at::Tensor fit = (m.mean.log() + data_.power / m.mean).sum() * data_.weight;
    m.objective = (fit + 0.5 * ((numbers - centre_).square() * precision_).sum()).item<double>();
    return m;
  }

  /// Fisher scoring with halved steps, from where the last kernel's fit ended: kernels come in order.
  double fitted(const at::Tensor& gain) {
    constexpr int most_steps = 30;
    constexpr double enough = 1e-4;  // of an objective whose unit is a nat
    at::Tensor numbers = start_;
    Model now = model(numbers, gain);
    if (!std::isfinite(now.objective)) now = model(numbers = centre_, gain);
    for (int i = 0; i < most_steps; ++i) {
      const at::Tensor rows =
          at::cat({data_.terms * now.signal, now.noise.expand({1, data_.power.size(0)})}) / now.mean;
      const at::Tensor slope =
          data_.weight * at::matmul(rows, 1 - data_.power / now.mean) + (numbers - centre_) * precision_;
      const at::Tensor curvature = data_.weight * at::matmul(rows, rows.t()) + at::diag(precision_ + 1e-9);
      const at::Tensor step = at::linalg_solve(curvature, slope);
      bool better = false;
      double before = now.objective;
      for (double share = 1; share > 1e-3 && !better; share *= 0.5) {
        const at::Tensor moved = numbers - share * step;
        const Model next = model(moved, gain);
        better = next.objective < now.objective;
        if (better) numbers = moved, now = next;
      }
      if (!better || before - now.objective < enough) break;
    }
    start_ = numbers;
    return now.objective;
  }

  Periodogram data_;
  at::Tensor centre_, precision_, start_;  ///< [6] a, b, c, d, e, log noise_std²
};

/// An option as it is searched: lengths by their logarithm, angles as they are.
struct SearchedOption {
  std::string name;
  double BlurKernel::*option;
  bool angle;
  double low, high;  ///< of the logarithm; of degrees
  std::int64_t points;

  double step() const {
    return angle ? 180.0 / static_cast<double>(points) : (high - low) / static_cast<double>(points - 1);
  }
  double at(std::int64_t i) const { return low + step() * static_cast<double>(i); }
  double value(double x) const { return angle ? x : std::exp(x); }
  double finest() const { return angle ? 0.1 : 0.002; }
  bool inside(double x) const { return angle || (x >= low && x <= high); }
};

SearchedOption searched_option(const std::string& name, double shorter_side) {
  const double high = std::log(shorter_side / 4);
  if (name == "std_px") return {name, &BlurKernel::std_px, false, std::log(0.4), high, 40};
  if (name == "radius_px") return {name, &BlurKernel::radius_px, false, std::log(0.8), high, 60};
  if (name == "length_px") return {name, &BlurKernel::length_px, false, std::log(3.0), high, 24};
  return {name, &BlurKernel::angle_deg, true, 0, 180, 24};
}

using Point = std::vector<double>;

/// All points whose coordinates are steps of -1, 0, 1 times `sides` away; the middle is left out.
std::vector<Point> neighbours(const Point& middle, const Point& sides) {
  std::vector<Point> points = {middle};
  for (std::size_t axis = 0; axis < middle.size(); ++axis) {
    const std::size_t count = points.size();
    for (std::size_t i = 0; i < count; ++i) {
      for (const double sign : {-1.0, 1.0}) {
        points.push_back(points[i]);
        points.back()[axis] += sign * sides[axis];
      }
    }
  }
  points.erase(points.begin());
  return points;
}

class Search {
 public:
  Search(KernelLikelihood& likelihood, const BlurKernel& known, std::vector<SearchedOption> axes)
      : likelihood_(likelihood), known_(known), axes_(std::move(axes)) {}

  BlurKernel kernel_at(const Point& x) const {
    BlurKernel kernel = known_;
    for (std::size_t i = 0; i < axes_.size(); ++i) kernel.*axes_[i].option = axes_[i].value(x[i]);
    return kernel;
  }
  double at(const Point& x) {
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      if (!axes_[i].inside(x[i])) return std::numeric_limits<double>::infinity();
    }
    return likelihood_.of(kernel_at(x));
  }

  Point best() {
    Point x, sides;
    double least = std::numeric_limits<double>::infinity();
    for (const SearchedOption& axis : axes_) sides.push_back(axis.step());
    const std::function<void(Point)> over_grid = [&](Point point) {
      if (point.size() == axes_.size()) {
        if (const double here = at(point); here < least) least = here, x = point;
        return;
      }
      const SearchedOption& axis = axes_[point.size()];
      for (std::int64_t i = 0; i < axis.points; ++i) {
        Point next = point;
        next.push_back(axis.at(i));
        over_grid(next);
      }
    };
    over_grid({});
    if (x.empty()) return x;
    const auto coarse = [&] {
      for (std::size_t i = 0; i < axes_.size(); ++i) {
        if (sides[i] > axes_[i].finest()) return true;
      }
      return false;
    };
    while (coarse()) {
      Point moved = x;
      for (const Point& candidate : neighbours(x, sides)) {
        if (const double here = at(candidate); here < least) least = here, moved = candidate;
      }
      if (moved == x) {
        for (double& side : sides) side *= 0.5;
      }
      x = moved;
    }
    return x;
  }

  /// By the curvature at the best point; infinite where it has none.
  Point standard_errors(const Point& x) {
    const auto n = static_cast<std::int64_t>(axes_.size());
    Point h;
    for (const SearchedOption& axis : axes_) h.push_back(20 * axis.finest());
    const double here = at(x);
    const at::Tensor curvature = at::zeros({n, n}, at::kDouble);
    auto c = curvature.accessor<double, 2>();
    const auto moved = [&](std::int64_t i, double a, std::int64_t j, double b) {
      Point point = x;
      point[static_cast<std::size_t>(i)] += a * h[static_cast<std::size_t>(i)];
      point[static_cast<std::size_t>(j)] += b * h[static_cast<std::size_t>(j)];
      return at(point);
    };
    for (std::int64_t i = 0; i < n; ++i) {
      const double hi = h[static_cast<std::size_t>(i)];
      c[i][i] = (moved(i, 1, i, 0) + moved(i, -1, i, 0) - 2 * here) / (hi * hi);
      for (std::int64_t j = 0; j < i; ++j) {
        const double mixed = moved(i, 1, j, 1) + moved(i, -1, j, -1) - moved(i, 1, j, -1) - moved(i, -1, j, 1);
        c[i][j] = c[j][i] = mixed / (4 * hi * h[static_cast<std::size_t>(j)]);
      }
    }
    const auto [inverse, failed] = at::linalg_inv_ex(curvature);
    Point errors;
    for (std::int64_t i = 0; i < n; ++i) {
      const double variance = failed.item<int>() == 0 ? inverse[i][i].item<double>() : -1;
      const SearchedOption& axis = axes_[static_cast<std::size_t>(i)];
      const double unit = axis.angle ? 1 : axis.value(x[static_cast<std::size_t>(i)]);
      errors.push_back(variance > 0 ? unit * std::sqrt(variance) : std::numeric_limits<double>::infinity());
    }
    return errors;
  }

  const std::vector<SearchedOption>& axes() const { return axes_; }

 private:
  KernelLikelihood& likelihood_;
  BlurKernel known_;
  std::vector<SearchedOption> axes_;
};

void check_images(const at::Tensor& y, const std::string& location) {
  const bool fits = y.defined() && y.dim() == 4 && !y.is_complex() && std::min(y.size(2), y.size(3)) >= kSmallestSide;
  if (!fits) {
    throw data_error(location, "a blur is estimated from real images of {0} x {0} pixels at least, here are {1}",
                     kSmallestSide, y.defined() ? spec_of_item(y).to_string() : "none");
  }
  if (!at::isfinite(y).all().item<bool>()) {
    throw data_error(location, "a blur cannot be estimated from images with NaN or infinite values; cut them out");
  }
  if (!(y.max() > y.min()).item<bool>()) throw data_error(location, "a blur cannot be estimated from constant images");
}

}  // namespace

std::vector<std::string> estimable_options(KernelShape shape) {
  switch (shape) {
    case KernelShape::gaussian:
      return {"std_px"};
    case KernelShape::disk:
      return {"radius_px"};
    case KernelShape::motion:
      return {"length_px", "angle_deg"};
    case KernelShape::array:
      return {};
  }
  throw internal_error("estimable_options", "unnamed shape {}", static_cast<int>(shape));
}

void require_estimable(KernelShape shape, const std::string& name, const std::string& location) {
  const std::vector<std::string> possible = estimable_options(shape);
  if (std::find(possible.begin(), possible.end(), name) != possible.end()) return;
  throw usage_error(location, "'{}' of a blur of shape {} cannot be estimated from the data; {} can{}", name,
                    to_string(shape), possible.empty() ? "nothing" : fmt::format("{}", fmt::join(possible, ", ")),
                    name == "kernel" ? "; give the kernel as a file, or take `shape: estimate`" : "");
}

BlurEstimate estimate_blur(const at::Tensor& y, const BlurKernel& known, const std::vector<std::string>& unknown,
                           std::optional<double> noise_std, const std::string& location) {
  check_images(y, location);
  std::vector<SearchedOption> axes;
  for (const auto& name : unknown) {
    require_estimable(known.shape, name, location);
    axes.push_back(searched_option(name, static_cast<double>(std::min({kLargestWindow, y.size(2), y.size(3)}))));
  }
  KernelLikelihood likelihood(periodogram_of(y.to(at::kCPU, at::kDouble)), noise_std);
  Search search(likelihood, known, std::move(axes));
  const Point x = search.best();
  if (x.empty()) throw data_error(location, "no blur has a finite likelihood: the images' values span too much");
  const Point errors = search.standard_errors(x);
  BlurEstimate found{.kernel = search.kernel_at(x), .options = {}, .noise_std = 0};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const SearchedOption& axis = search.axes()[i];
    if (!axis.angle && (x[i] < axis.low + axis.step() || x[i] > axis.high - axis.step())) {
      throw data_error(location,
                       "{}: the data do not show such a blur: the best of all from {:.2g} to {:.3g} is {:.3g}, at the "
                       "end; give the number, or another shape",
                       axis.name, axis.value(axis.low), axis.value(axis.high), axis.value(x[i]));
    }
    double& value = found.kernel.*axis.option;
    if (axis.angle) value = std::fmod(std::fmod(value, 180) + 180, 180);  // a path has no direction
    found.options.push_back({axis.name, value, errors[i]});
  }
  found.cost = likelihood.of(found.kernel) + 0.5 * static_cast<double>(x.size()) * std::log(likelihood.count());
  found.noise_std = noise_std.value_or(likelihood.noise_std());
  return found;
}

}  // namespace recon
