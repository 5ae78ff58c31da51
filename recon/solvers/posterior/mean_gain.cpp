#include "recon/solvers/posterior/mean_gain.h"

#include <ATen/ATen.h>

#include "recon/core/per_entry.h"

namespace recon {
namespace {

constexpr std::int64_t probes = 8;
constexpr const char* mean_gain_stream = "operator_gain";  // seeds the probes: another text gives other numbers

}  // namespace

MeanGain::MeanGain(SolverContext& context) : context_(context), keys_(context.problem().keys) {
  for (StreamKey& key : keys_) key = {.item = key.item};
  const Operator& op = context_.op();
  if (!op.is_linear()) return;
  const Rng rng(context_.seed(), mean_gain_stream);
  at::Tensor sum = per_entry(0, context_.y());
  for (std::uint32_t probe = 0; probe < probes; ++probe) {
    const at::Tensor z = rng.normal(keys_, probe, op.domain(), context_.image_options());
    sum += squared_norms(context_.operate([&] { return op.apply(z); }));
  }
  // Complex probes have unit variance per part: twice the energy of the complex Frobenius norm, over twice the parts.
  const double parts = op.domain().scalar == ScalarKind::complex ? 2 : 1;
  linear_gain_ = sum / (parts * static_cast<double>(probes * op.measured_components()));
}

at::Tensor MeanGain::at_image(const at::Tensor& x, std::int64_t step) {
  if (linear_gain_.defined()) return linear_gain_;
  const Operator& op = context_.op();
  const at::Tensor z = Rng(context_.seed(), mean_gain_stream)
                           .normal(keys_, static_cast<std::uint32_t>(step), op.range(), context_.y().options());
  return squared_norms(context_.vjp(x, z)) / static_cast<double>(op.measured_components());
}

}  // namespace recon
