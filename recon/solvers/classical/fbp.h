#pragma once

#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Filtered back-projection (operators/inverse_filter.h), x = A^H F y with the ramp F = |f| of parallel projections, or
/// that of fans with its weights (Kak & Slaney 1988, chapter 3; Ramachandran & Lakshminarayanan 1971).
///
/// `window` damps the ramp, u being the frequency over the cut-off, `cutoff` in units of the detector's highest one:
///   ram_lak      1                                shepp_logan  sin(pi u / 2) / (pi u / 2)
///   cosine       cos(pi u / 2)                    hamming      0.54 + 0.46 cos(pi u)
///   hann         0.5 + 0.5 cos(pi u)               wiener       see below
/// and 0 above the cut-off. ram_lak is the sharpest, hann the smoothest. wiener, the default, takes its sharpness from
/// the data, as S / (S + N) / sinc(f / 2)² * min(1, sqrt(2) / (bins |f / 2| angle)), f in units of the detector's
/// highest frequency. N is the noise's power there and S what the power of the item's data, averaged over the views and
/// over neighbouring frequencies, has beyond it (Wiener 1949); the sinc undoes that A and A^H both average over bins;
/// and a view counts for no more than one sample of the spectrum of an image of bins / sqrt(2) pixels is wide, where
/// the angle to its neighbours leaves gaps between their frequencies.
///
/// Linear but for the gain of wiener, which the data set; exact in the limit of many fine views. Throws Error(usage)
/// naming alternatives for operators without such a filter.
class Fbp final : public Solver {
 public:
  enum class Window { wiener, ram_lak, shepp_logan, cosine, hamming, hann };
  friend constexpr auto words_of(Window) {
    using enum Window;
    return std::to_array<Word<Window>>({{wiener, "wiener"},
                                        {ram_lak, "ram_lak"},
                                        {shepp_logan, "shepp_logan"},
                                        {cosine, "cosine"},
                                        {hamming, "hamming"},
                                        {hann, "hann"}});
  }

  Window window = Window::wiener;
  double cutoff = 1;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
