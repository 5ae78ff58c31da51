#pragma once

#include <cstdint>

#include "recon/solvers/posterior/slice_coupling.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Volumes [C, D, H, W] by a prior for images and total variation along z (Chung et al. 2023, "Solving 3D inverse
/// problems using pre-trained 2D diffusion models"; Chung et al. 2024, "Decomposed diffusion sampler", for steps on the
/// denoised image by conjugate gradients). Linear operators only.
///
/// It is the loop of diffpir, or with `loop: admm` that of plug_and_play, whose data step couples the slices
/// (slice_coupling.h): denoise every slice, then move to where the data, the denoised slices and the differences
/// along z agree, then noise again (or take the residual into the dual variable).
///
/// The published method takes the reverse step first and moves x_t itself, without the term that holds the image to
/// the denoised one; here the step is the proximal one of diffpir, whose weight is known. As `weight` goes to 0 the
/// image is that of diffpir (plug_and_play).
class DiffusionMbir final : public Solver {
 public:
  enum class Loop { diffpir, admm };
  friend constexpr auto words_of(Loop) {
    using enum Loop;
    return std::to_array<Word<Loop>>({{diffpir, "diffpir"}, {admm, "admm"}});
  }

  /// The noise of the diffpir loop: each slice its own, or one draw for all slices of a volume. Slices that are nearly
  /// alike are then walked alike by a network that maps like to like, and differ by less where the data say nothing.
  enum class Noise { independent, shared };
  friend constexpr auto words_of(Noise) {
    using enum Noise;
    return std::to_array<Word<Noise>>({{independent, "independent"}, {shared, "shared"}});
  }

  Loop loop = Loop::diffpir;
  Noise noise = Noise::independent;
  std::int64_t steps = 40;
  double lambda = 1;
  double start_relative_sigma = 2;
  SliceCoupling::Options coupling;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
