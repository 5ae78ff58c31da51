#include "recon/solvers/classical/lsqr.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

/// u / ||u|| per entry (zero stays zero) and ||u||.
at::Tensor normalised(const at::Tensor& u, at::Tensor& length) {
  length = at::sqrt(squared_norms(u));
  return u * per_item(at::where(length > 0, length.reciprocal(), at::zeros_like(length)), u);
}

}  // namespace

/// The scalars of one entry: the QR factorisation of its bidiagonal matrix (Paige & Saunders, eq. 4.4-4.12).
class Lsqr::Entry {
 public:
  /// `target` is the ||r||² to stop at; negative: none.
  Entry(double alpha, double beta, double target, double tolerance)
      : rho_bar_(alpha), phi_bar_(beta), data_(beta), gradient_(alpha * beta), target_(target), tolerance_(tolerance) {
    done_ = target >= 0 ? beta * beta <= target : gradient_ == 0;
  }

  bool done() const { return done_; }
  double step() const { return step_; }              ///< of x along w
  double correction() const { return correction_; }  ///< w = v - correction w
  double residual_square() const { return phi_bar_ * phi_bar_; }

  /// With the next alpha and beta of the bidiagonalisation.
  void advance(double alpha, double beta) {
    step_ = correction_ = 0;
    if (done_) return;
    // The Givens rotation that removes the new beta below the diagonal.
    const double rho = std::hypot(rho_bar_, beta), c = rho_bar_ / rho, s = beta / rho, before = phi_bar_;
    step_ = c * phi_bar_ / rho;
    correction_ = s * alpha / rho;
    rho_bar_ = -c * alpha;
    phi_bar_ *= s;
    frobenius_square_ += rho * rho;
    gradient_ = phi_bar_ * alpha * std::abs(c);
    if (target_ >= 0 && phi_bar_ * phi_bar_ <= target_) {
      // ||r||² is a parabola in the length of the step, least at its end: shorten it to where it meets the target.
      const double share = (before * before - target_) / (before * before - phi_bar_ * phi_bar_);
      step_ *= 1 - std::sqrt(std::max(0.0, 1 - share));
      phi_bar_ = std::sqrt(target_);
      done_ = true;
      return;
    }
    const bool solved = gradient_ <= tolerance_ * std::sqrt(frobenius_square_) * phi_bar_;
    done_ = solved || phi_bar_ <= tolerance_ * data_;
  }

 private:
  double rho_bar_, phi_bar_, data_, gradient_, target_, tolerance_;
  double step_ = 0, correction_ = 0, frobenius_square_ = 0;
  bool done_ = false;
};

void Lsqr::visit(ParameterVisitor& v) {
  v.choice("stopping", stopping, "at chi² = 1, or at the least-squares solution");
  v.field("tolerance", tolerance, "relative residual at which least squares are solved", {.min = 0, .open_min = true});
  v.field("max_iterations", max_iterations, "iterations at most", {.min = 1});
}

at::Tensor Lsqr::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver lsqr");
  // Golub-Kahan bidiagonalisation: beta u = y, alpha v = A^H u, and so on, u and v of unit length.
  at::Tensor alpha, beta;
  at::Tensor u = normalised(context.y(), beta);
  at::Tensor v = normalised(context.operate([&] { return op->adjoint(u); }), alpha);
  at::Tensor w = v, x = at::zeros_like(v);
  std::vector<double> scalars = host_values(at::cat({alpha, beta}));
  std::vector<Entry> entries;
  for (std::int64_t i = 0; i < context.batch(); ++i) {
    const double std = context.problem().noise_std[static_cast<std::size_t>(i)];
    const bool fitted = stopping == Stopping::discrepancy && std > 0;
    const double target = fitted ? std * std * static_cast<double>(op->measured_components()) : -1;
    entries.emplace_back(scalars[static_cast<std::size_t>(i)], scalars[static_cast<std::size_t>(context.batch() + i)],
                         target, tolerance);
  }
  for (std::int64_t iteration = 1; iteration <= max_iterations; ++iteration) {
    u = normalised(context.operate([&] { return op->apply(v); }) - per_item(alpha, u) * u, beta);
    v = normalised(context.operate([&] { return op->adjoint(u); }) - per_item(beta, v) * v, alpha);
    scalars = host_values(at::cat({alpha, beta}));
    // Every entry has scalars of its own, and stops by itself: then its step and correction are 0.
    std::vector<double> steps, corrections, residual_squares;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].advance(scalars[i], scalars[entries.size() + i]);
      steps.push_back(entries[i].step());
      corrections.push_back(entries[i].correction());
      residual_squares.push_back(entries[i].residual_square());
    }
    x = x + per_item(steps, w) * w;
    w = v - per_item(corrections, w) * w;
    const bool all_done = std::all_of(entries.begin(), entries.end(), [](const Entry& e) { return e.done(); });
    const Step step{.done = iteration,
                    .total = all_done ? iteration : max_iterations,
                    .residual_squares = per_entry(residual_squares, x)};
    if (!context.end_step(step, x, x) || all_done) break;
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].done()) context.mark_converged(static_cast<std::int64_t>(i));
  }
  return x;
}

}  // namespace recon
