#include "operators/diagnostics.h"
#include "operators/approximate_normal.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

double relative_distance(const at::Tensor& a, const at::Tensor& b, double scale) {
  return std::sqrt(squared_norms(a - b).sum().item<double>()) / scale;
}

double length_of(const at::Tensor& x) { return std::sqrt(squared_norms(x).sum().item<double>()); }

double inner_of(const at::Tensor& a, const at::Tensor& b) { return real_inner(a, b).sum().item<double>(); }

/// Measures the laws one after the other and collects what it finds.
class Examiner {
 public:
  Examiner(const Operator& op, const CheckOptions& options)
      : op_(op),
        options_(options),
        rng_(options.seed, "operators/diagnostics"),
        epsilon_(c10::typeMetaToScalarType(options.options.dtype()) == at::kDouble ? 0x1p-52 : 0x1p-23) {}

  void examine_any() {
    const at::Tensor x = probe(op_.domain());
    const at::Tensor v = probe(op_.range());
    arguments(x, v);
    support(x);
    batch();
    derivative(x, v);
    if (epsilon_ > 0x1p-30) precision(x);
  }

  void examine_linear(const LinearOperator& op, double& adjoint_scale) {
    linearity();
    adjoint(op, adjoint_scale);
    const at::Tensor x = probe(op.domain());
    const at::Tensor expected = op.adjoint(op.apply(x));
    record("normal", relative_distance(op.normal(x), expected, length_of(expected) + tiny),
           rounding() + normal_error_of(op), "normal() is not adjoint after apply");
    if (const auto form = op.spectral()) spectral(op, *form);
  }

  std::vector<LawFinding> take() { return std::move(findings_); }

 private:
  static constexpr double tiny = 1e-30;  ///< keeps 0/0 out of operators that measure nothing of a probe

  at::Tensor probe(const TensorSpec& spec, std::int64_t items = 1) {
    std::vector<StreamKey> keys;
    for (std::int64_t i = 0; i < items; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
    return rng_.normal(keys, step_++, spec, options_.options);
  }

  /// What rounding explains: sums of n terms err like a random walk, a few times over.
  double rounding() const {
    const auto n = static_cast<double>(std::max(op_.domain().real_components(), op_.range().real_components()));
    return 8 * epsilon_ * std::sqrt(n);
  }

  void record(const char* law, double error, const char* detail) { record(law, error, rounding(), detail); }

  void record(const char* law, double error, double bound, const char* detail) {
    LawFinding finding{law, error, bound, ""};
    if (!finding.holds()) finding.detail = detail;
    findings_.push_back(std::move(finding));
  }

  void arguments(const at::Tensor& x, const at::Tensor& v) {
    const at::Tensor x_before = x.clone();
    const at::Tensor v_before = v.clone();
    const at::Tensor y = op_.apply(x);
    const at::Tensor g = op_.vjp(x, v);
    const bool unchanged = at::equal(x, x_before) && at::equal(v, v_before);
    const bool fresh = !y.is_alias_of(x) && !g.is_alias_of(x) && !g.is_alias_of(v);
    record("arguments", unchanged && fresh ? 0 : 1,
           unchanged ? "a result shares memory with an argument" : "apply or vjp overwrites its argument");
  }

  void support(const at::Tensor& x) {
    const at::Tensor mask = op_.support();
    if (!mask.defined()) return;
    const at::Tensor y = op_.apply(x);
    const at::Tensor outside = y * (1 - mask.to(y.options().dtype(real_dtype(y))));
    record("support", length_of(outside) / (length_of(y) + tiny), "values outside the support are not 0");
  }

  void batch() {
    const at::Tensor x = probe(op_.domain(), 3);
    const at::Tensor together = op_.apply(x);
    std::vector<at::Tensor> items;
    for (std::int64_t i = 0; i < x.size(0); ++i) items.push_back(op_.apply(x.narrow(0, i, 1)));
    record("batch", relative_distance(together, at::cat(items), length_of(together) + tiny),
           "an item's result depends on its batch");
  }

  void derivative(const at::Tensor& x, const at::Tensor& v) {
    const at::Tensor d = probe(op_.domain());
    // Central differences have no truncation error for a linear operator, whatever h. Otherwise it is of order h², and
    // h = eps^(1/4) leaves room for rounding (eps / h) below a bound of h.
    const double h = op_.is_linear() ? 1.0 : std::sqrt(std::sqrt(epsilon_));
    const at::Tensor difference = (op_.apply(x + h * d) - op_.apply(x - h * d)) / (2 * h);
    const at::Tensor gradient = op_.vjp(x, v);
    const double scale = length_of(difference) * length_of(v) + length_of(gradient) * length_of(d) + tiny;
    record("derivative", std::abs(inner_of(v, difference) - inner_of(gradient, d)) / scale,
           op_.is_linear() ? rounding() : h, "vjp is not the transposed derivative of apply");
  }

  void precision(const at::Tensor& x) {
    const at::Tensor exact = op_.apply(x.to(x.is_complex() ? at::kComplexDouble : at::kDouble));
    record("precision", relative_distance(op_.apply(x).to(exact.scalar_type()), exact, length_of(exact) + tiny),
           "single precision loses more than rounding");
  }

  void linearity() {
    const at::Tensor x = probe(op_.domain());
    const at::Tensor z = probe(op_.domain());
    const at::Tensor expected = op_.apply(x) * 1.75 - op_.apply(z) * 0.625;
    record("linearity", relative_distance(op_.apply(1.75 * x - 0.625 * z), expected, length_of(expected) + tiny),
           "apply is not linear (an offset, or randomness in it?)");
  }

  void adjoint(const LinearOperator& op, double& adjoint_scale) {
    double error = 0;
    double cross = 0;
    double square = 0;
    for (std::int64_t i = 0; i < options_.probes; ++i) {
      const at::Tensor x = probe(op.domain());
      // A y near the range of A makes both sides large, so that a lost factor is not hidden in a small product.
      const at::Tensor ax = op.apply(x);
      const at::Tensor noise = probe(op.range());
      const at::Tensor y = ax + noise * (0.5 * length_of(ax) / length_of(noise));
      const at::Tensor ahy = op.adjoint(y);
      const double forward = inner_of(ax, y);
      const double backward = inner_of(x, ahy);
      const double scale = length_of(ax) * length_of(y) + length_of(x) * length_of(ahy) + tiny;
      error = std::max(error, std::abs(forward - backward) / scale);
      cross += forward * backward;
      square += forward * forward;
    }
    adjoint_scale = cross / (square + tiny);
    record("adjoint", error, "adjoint() is not the adjoint of apply(); see the fitted scale for a lost factor");
  }

  void spectral(const LinearOperator& op, const SpectralForm& form) {
    const at::Tensor u = probe(op.domain());
    const at::Tensor v = u + 0.5 * probe(op.domain());
    const at::Tensor cu = form.analyze(u);
    record("isometry", std::abs(inner_of(cu, form.analyze(v)) - inner_of(u, v)) / (length_of(u) * length_of(v)),
           "analyze does not keep inner products: V is not unitary");
    record("synthesis", relative_distance(form.synthesize(cu), u, length_of(u)), "synthesize does not invert analyze");
    const at::Tensor expected = op.adjoint(op.apply(u));
    const at::Tensor got = form.filter(u, [](const at::Tensor& values) { return values; });
    record("spectrum", relative_distance(got, expected, length_of(u) * spectral_scale(form, u) + tiny),
           "the eigenvalues are not those of A^H A");
  }

  static double spectral_scale(const SpectralForm& form, const at::Tensor& like) {
    return form.eigenvalues(like).max().item<double>();
  }

  const Operator& op_;
  const CheckOptions& options_;
  Rng rng_;
  double epsilon_;
  std::uint32_t step_ = 0;
  std::vector<LawFinding> findings_;
};

/// One standard normal probe, the same for every item of the batch.
at::Tensor shared_probe(const LinearOperator& op, std::int64_t batch, const at::TensorOptions& options,
                        std::uint64_t seed, std::int64_t index) {
  const Rng rng(seed, "operators/probes");
  const at::Tensor one = rng.normal({StreamKey{}}, static_cast<std::uint32_t>(index), op.domain(), options);
  Shape shape = shape_of(one);
  shape[0] = batch;
  return one.expand(shape).contiguous();
}

}  // namespace

bool OperatorReport::all_hold() const {
  return std::all_of(findings.begin(), findings.end(), [](const LawFinding& finding) { return finding.holds(); });
}

OperatorReport check_operator(const Operator& op, const CheckOptions& options) {
  OperatorReport report;
  report.name = op.name();
  report.domain = op.domain();
  report.range = op.range();
  report.measured_components = op.measured_components();
  report.linear = op.is_linear();
  Examiner examiner(op, options);
  examiner.examine_any();
  if (const auto* linear = dynamic_cast<const LinearOperator*>(&op)) {
    examiner.examine_linear(*linear, report.adjoint_scale);
    report.has_spectral_form = linear->spectral().has_value();
    constexpr std::int64_t iterations = 30;
    report.largest_singular_value =
        largest_singular_value(*linear, 1, iterations, options.options, options.seed).item<double>();
    report.frobenius_squared =
        recon::frobenius_squared(*linear, 1, options.probes, options.options, options.seed).item<double>();
  }
  report.findings = examiner.take();
  return report;
}

at::Tensor frobenius_squared(const LinearOperator& op, std::int64_t batch, std::int64_t probes,
                             const at::TensorOptions& options, std::uint64_t seed) {
  if (probes < 1 || batch < 1) throw internal_error("frobenius_squared", "expected at least one probe and one item");
  at::Tensor total = at::zeros({batch}, options.dtype(at::kDouble));
  for (std::int64_t i = 0; i < probes; ++i) total += squared_norms(op.apply(shared_probe(op, batch, options, seed, i)));
  return total / static_cast<double>(probes);
}

at::Tensor largest_singular_value(const LinearOperator& op, std::int64_t batch, std::int64_t iterations,
                                  const at::TensorOptions& options, std::uint64_t seed) {
  at::Tensor x = shared_probe(op, batch, options, seed, 0);
  at::Tensor square = at::zeros({batch}, options.dtype(at::kDouble));
  for (std::int64_t i = 0; i < iterations; ++i) {
    const at::Tensor lengths = squared_norms(x).sqrt();
    x = x / per_item(at::where(lengths > 0, lengths, at::ones_like(lengths)), x);
    const at::Tensor ahax = op.normal(x);
    square = real_inner(x, ahax);  // Rayleigh quotient of a unit vector
    x = ahax;
  }
  return square.clamp_min(0).sqrt();
}

}  // namespace recon
