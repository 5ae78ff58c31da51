#include "recon/solvers/posterior/linear_measurement.h"

#include <ATen/ATen.h>

#include "operators/conjugate_gradient.h"
#include "operators/unsuitable_operator.h"

namespace recon {
namespace {

constexpr IterativeSolve conditioning{.tolerance = 1e-5, .max_iterations = 200};

/// One operator for all entries, or one for each.
using Operators = std::vector<LinearOperatorPtr>;

/// map(operator k, its entries of x), put together.
template <class Parts, class Map>
at::Tensor by_entry(const Parts& parts, const at::Tensor& x, const Map& map) {
  if (parts.size() == 1) return map(parts.front(), x);
  std::vector<at::Tensor> results;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    results.push_back(map(parts[k], x.narrow(0, static_cast<std::int64_t>(k), 1)));
  }
  return at::cat(results);
}

at::Tensor normal(const Operators& ops, const at::Tensor& x) {
  return by_entry(ops, x, [](const LinearOperatorPtr& op, const at::Tensor& part) { return op->normal(part); });
}

std::vector<SpectralForm> spectral_forms(const Operators& ops) {
  std::vector<SpectralForm> forms;
  for (const LinearOperatorPtr& op : ops) {
    const auto form = op->spectral();
    if (!form) {
      throw UnsuitableOperator("a network that knows a measurement",
                               "needs the eigenvalues of A^H A in closed form (missing pixels, circular blur, Fourier "
                               "samples of one coil, averages of pixels), which '{}' has not; take dps, pigdm or jfps",
                               op->name());
    }
    forms.push_back(*form);
  }
  return forms;
}

/// The functions f of one operator per entry go by the entries' own numbers, so all eigenvalues go through f together.
at::Tensor filtered(const std::vector<SpectralForm>& forms, const at::Tensor& x, const LinearMeasurement::ImageMap& f) {
  const auto analyze = [](const SpectralForm& form, const at::Tensor& part) { return form.analyze(part); };
  const auto synthesize = [](const SpectralForm& form, const at::Tensor& part) { return form.synthesize(part); };
  const auto eigenvalues = [](const SpectralForm& form, const at::Tensor& part) { return form.eigenvalues(part); };
  const at::Tensor values = by_entry(forms, x, eigenvalues);
  return by_entry(forms, by_entry(forms, x, analyze) * f(values), synthesize);
}

}  // namespace

LinearMeasurement linear_measurement(const std::vector<LinearOperatorPtr>& ops, const at::Tensor& y,
                                     const std::vector<double>& noise_std) {
  const at::Tensor backprojected =
      by_entry(ops, y, [](const LinearOperatorPtr& op, const at::Tensor& part) { return op->adjoint(part); });
  std::vector<double> variance;
  for (const double std : noise_std) variance.push_back(std * std);
  // mean + R (R M R + s²)^-1 R (A^H y - M mean), M = A^H A: what is solved is well conditioned where R is small.
  const auto gaussian_mean = [=](const at::Tensor& mean, const LinearMeasurement::ImageMap& root) {
    const at::Tensor shift = per_item(variance, mean);
    const auto matrix = [&](const at::Tensor& u) { return root(normal(ops, root(u))) + shift * u; };
    const at::Tensor b = root(backprojected - normal(ops, mean));
    return mean + root(conjugate_gradient(matrix, b, {}, conditioning).x);
  };
  const auto filter = [ops](const at::Tensor& x, const LinearMeasurement::ImageMap& f) {
    return filtered(spectral_forms(ops), x, f);
  };
  return {.operator_name = ops.front()->name(),
          .backprojected = backprojected,
          .noise_std = noise_std,
          .filter = filter,
          .gaussian_mean = gaussian_mean};
}

}  // namespace recon
