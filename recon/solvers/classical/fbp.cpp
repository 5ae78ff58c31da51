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

/// Of one item, wiener's window: see the header.
ViewWindow wiener_window(const at::Tensor& y, double noise_std, double cutoff) {
  const double widest = std::numbers::sqrt2 / static_cast<double>(y.size(-1));
  return [share = signal_share(y, noise_std), widest, cutoff](double f, double angle) {
    if (f > cutoff) return 0.0;
    const auto k = static_cast<std::size_t>(std::lround(f * static_cast<double>(share.size() - 1)));
    return share[k] / std::pow(sinc(f / 2), 2) * std::min(1.0, widest / std::max(f / 2 * angle, 1e-30));
  };
}

}  // namespace

void Fbp::visit(ParameterVisitor& v) {
  v.choice("window", window, "what damps the ramp filter");
  v.field("cutoff", cutoff, "highest frequency that is kept, of the detector's highest",
          {.min = 0, .max = 1, .open_min = true});
}

at::Tensor Fbp::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver fbp");
  const auto fixed = [&](double f, double) { return gain(window, f / cutoff); };
  const BackProjection back = filtered_back_projection_of(*op, fixed);
  if (!back) {
    throw UnsuitableOperator(
        "solver fbp",
        "expected projections (radon), of a fan over a half turn and the fan's angle at least, got "
        "{}; use tikhonov_cg or tv_pdhg",
        op->name());
  }
  const at::Tensor& y = context.y();
  if (window != Window::wiener) return context.operate([&] { return back(y); });
  return context.operate([&] {
    std::vector<at::Tensor> items;
    for (std::int64_t i = 0; i < context.batch(); ++i) {
      const double noise_std = context.problem().noise_std[static_cast<std::size_t>(i)];
      items.push_back(filtered_back_projection_of(*op, wiener_window(y[i], noise_std, cutoff))(y.narrow(0, i, 1)));
    }
    return at::cat(items);
  });
}

}  // namespace recon
