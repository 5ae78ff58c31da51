#include "recon/solvers/posterior/data_weight.h"

#include <ATen/ATen.h>

#include <vector>

#include "operators/inverse_filter.h"

namespace recon {

at::Tensor weighted_residual(SolverContext& context, const at::Tensor& r, double c, const at::Tensor& gain) {
  const auto all_pass = [](double, double) { return 1.0; };
  if (c == 0 || !inverse_filter_of(context.op(), all_pass)) return r;
  return context.operate([&] {
    std::vector<at::Tensor> items;
    for (std::int64_t i = 0; i < context.batch(); ++i) {
      const double std = context.problem().noise_std[static_cast<std::size_t>(i)], noise = std * std;
      const double level = noise + c * gain[i].item<double>();
      const auto window = [=](double, double filter) { return level / (noise * filter + c); };
      items.push_back(inverse_filter_of(context.op(), window)(r.narrow(0, i, 1)));
    }
    return at::cat(items);
  });
}

}  // namespace recon
