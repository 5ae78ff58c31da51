#include "recon/solvers/posterior/data_weight.h"

#include <ATen/ATen.h>

#include <vector>

#include "operators/inverse_filter.h"
#include "recon/core/per_entry.h"

namespace recon {

at::Tensor weighted_residual(SolverContext& context, const at::Tensor& r, double c, const at::Tensor& gain) {
  if (c == 0 || dynamic_cast<const FilteredInverse*>(&context.op()) == nullptr) return r;
  return context.operate([&] {
    const std::vector<double> gains = host_values(gain);
    std::vector<at::Tensor> items;
    for (std::int64_t i = 0; i < context.batch(); ++i) {
      const double std = context.problem().noise_std[static_cast<std::size_t>(i)], noise = std * std;
      const double level = noise + c * gains[static_cast<std::size_t>(i)];
      const auto window = [=](double, double filter) { return level / (noise * filter + c); };
      const DataFilter filter = inverse_filter_of(context.op(), window);
      if (!filter) return r;
      items.push_back(filter(r.narrow(0, i, 1)));
    }
    return at::cat(items);
  });
}

}  // namespace recon
