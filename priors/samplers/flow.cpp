#include "priors/samplers/flow.h"

#include <ATen/ATen.h>

namespace recon {
namespace {

/// A level as a point of the flow process: y = x scale, at time t.
struct FlowPoint {
  NoiseLevel level;
  double time, scale;

  explicit FlowPoint(const NoiseLevel& at)
      : level(at), time(at.sigma / (at.alpha + at.sigma)), scale(1 / (at.alpha + at.sigma)) {}
};

struct Velocity {
  at::Tensor u, x0;
};

Velocity velocity(const ReverseProcess& reverse, const at::Tensor& y, const FlowPoint& point) {
  const at::Tensor x0 = reverse.denoise(y / point.scale, point.level);
  return {(y - x0) / point.time, x0};
}

}  // namespace

FlowEuler::FlowEuler() {
  process = "flow";
  spacing = Spacing::uniform_t;
}

Sampler::Stepped FlowEuler::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                 const at::Tensor&) const {
  const FlowPoint from(reverse.levels[i]), to(reverse.levels[i + 1]);
  const at::Tensor y = from.scale * x;
  const Velocity start = velocity(reverse, y, from);
  return {.x = (y + (to.time - from.time) * start.u) / to.scale, .x0 = start.x0};
}

FlowHeun::FlowHeun() {
  steps = 25;
  process = "flow";
  spacing = Spacing::uniform_t;
}

Sampler::Stepped FlowHeun::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                const at::Tensor&) const {
  const FlowPoint from(reverse.levels[i]), to(reverse.levels[i + 1]);
  const at::Tensor y = from.scale * x;
  const Velocity start = velocity(reverse, y, from);
  at::Tensor next = y + (to.time - from.time) * start.u;
  if (to.time > 0) next = y + 0.5 * (to.time - from.time) * (start.u + velocity(reverse, next, to).u);
  return {.x = next / to.scale, .x0 = start.x0};
}

}  // namespace recon
