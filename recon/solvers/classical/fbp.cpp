#include "recon/solvers/classical/fbp.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "operators/inverse_filter.h"
#include "operators/unsuitable_operator.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

constexpr double pi = std::numbers::pi;
constexpr std::int64_t kNeighbours = 9;  ///< frequencies whose powers are averaged

double sinc(double t) { return t > 0 ? std::sin(pi * t) / (pi * t) : 1; }

double gain(Fbp::Window window, double u) {
  if (u > 1) return 0;
  if (window == Fbp::Window::shepp_logan) return sinc(u / 2);
  if (window == Fbp::Window::cosine) return std::cos(pi * u / 2);
  if (window == Fbp::Window::hamming) return 0.54 + 0.46 * std::cos(pi * u);
  if (window == Fbp::Window::hann) return 0.5 + 0.5 * std::cos(pi * u);
  return 1;
}

/// S / (S + N) of projections `y` [C, views, bins], at frequencies from 0 to the detector's highest.
std::vector<double> signal_share(const at::Tensor& y, double noise_std) {
  const std::int64_t bins = y.size(-1);
  const at::Tensor spectrum = at::fft_rfft(y.to(at::kCPU, at::kDouble), 2 * bins);
  const at::Tensor power = spectrum.abs().square().flatten(0, -2).mean(0).view({1, 1, -1});
  const at::Tensor smooth = at::avg_pool1d(power, kNeighbours, 1, kNeighbours / 2, false, /*count_include_pad=*/false);
  const double noise = static_cast<double>(bins) * noise_std * noise_std;
  const at::Tensor share = ((smooth - noise) / smooth.clamp_min(1e-300)).clamp_min(0).contiguous();
  return {share.const_data_ptr<double>(), share.const_data_ptr<double>() + share.numel()};
}

/// Of one item, wiener's window: see the header. `unit` takes the filter to that of an operator without a scale.
DataFilter wiener_filter(const LinearOperator& op, const at::Tensor& y, double noise_std, double cutoff, double unit) {
  const std::vector<double> share = signal_share(y, noise_std);
  const double widest = std::numbers::sqrt2 / static_cast<double>(y.size(-1));
  return inverse_filter_of(op, [&](double f, double filter) {
    if (f > cutoff) return 0.0;
    const auto k = static_cast<std::size_t>(std::lround(f * static_cast<double>(share.size() - 1)));
    return share[k] / std::pow(sinc(f / 2), 2) * std::min(1.0, widest / std::max(filter * unit, 1e-30));
  });
}

}  // namespace

void Fbp::visit(ParameterVisitor& v) {
  v.choice("window", window, "what damps the ramp filter");
  v.field("cutoff", cutoff, "highest frequency that is kept, of the detector's highest",
          {.min = 0, .max = 1, .open_min = true});
}

at::Tensor Fbp::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver fbp");
  const DataFilter ramp = inverse_filter_of(*op, [](double, double) { return 1; });
  if (!ramp) {
    throw UnsuitableOperator(
        "solver fbp", "expected projections of parallel beams (radon), got {}; use tikhonov_cg or tv_pdhg", op->name());
  }
  const at::Tensor& y = context.y();
  if (window != Window::wiener) {
    const DataFilter filter = inverse_filter_of(*op, [&](double f, double) { return gain(window, f / cutoff); });
    return context.operate([&] { return op->adjoint(filter(y)); });
  }
  // A point in every view becomes a quarter of the view's angle there, and all angles are half a turn.
  const at::Tensor points = at::zeros_like(y.narrow(0, 0, 1));
  points.select(-1, 0).fill_(1);
  const double angles = 4 * ramp(points).select(-1, 0).flatten(0, -2).select(0, 0).sum().item<double>();
  std::vector<at::Tensor> items;
  for (std::int64_t i = 0; i < context.batch(); ++i) {
    const double noise_std = context.problem().noise_std[static_cast<std::size_t>(i)];
    items.push_back(wiener_filter(*op, y[i], noise_std, cutoff, pi / angles)(y.narrow(0, i, 1)));
  }
  return context.operate([&] { return op->adjoint(at::cat(items)); });
}

}  // namespace recon
