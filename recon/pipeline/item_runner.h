#pragma once

#include <string>
#include <vector>

#include "recon/pipeline/experiment.h"
#include "recon/pipeline/image_mapping.h"
#include "recon/pipeline/item_source.h"
#include "recon/pipeline/trust.h"

namespace recon {

/// What a method made of an item, in the units of the file and on the CPU.
struct MethodResult {
  at::Tensor x;        ///< [C, H, W]: the mean of the samples, or the selected one
  at::Tensor std;      ///< [C, H, W]; undefined with one sample
  at::Tensor samples;  ///< [S, C, H, W]
  Trust trust;
  Report report;
  std::vector<ResultRow> rows;        ///< of x and, with several samples, of the first one
  std::vector<std::string> warnings;  ///< for the user
};

/// What becomes of several samples of one item.
enum class Selection {
  mean,     ///< their mean
  residual  ///< the one with the least ||y - A x||: best of N where runs can get stuck, chosen without any truth
};
Selection selection_from(const std::string& text);  ///< "mean" or "residual"

/// What is made of the samples.
struct Judging {
  Selection selection = Selection::mean;
  bool maps = true;  ///< imagined, chi2_map, quantiles: recon/pipeline/trust.h; they cost a linear solve
};

/// Solves items with one solver.
class ItemRunner {
 public:
  /// `prior` may be null for solvers that need none. `place` is where complex_image is set, for messages.
  ItemRunner(NamedSolver solver, PriorPtr prior, ComplexImage complex_image, std::string place, Judging judging = {});

  const std::string& name() const { return solver_.name; }
  /// `samples` counts for solvers that sample only.
  MethodResult run(const PreparedItem& item, std::int64_t samples, const Controls& controls) const;
  /// Several items in one call of the solver; they must be joinable(). An item's result is that of run() up to
  /// rounding; its seconds are its share.
  std::vector<MethodResult> run_joined(const std::vector<PreparedItem>& items, std::int64_t samples,
                                       const Controls& controls) const;
  /// Whether both have one and the same operator and need no whitening, which belongs to an item.
  static bool joinable(const PreparedItem& a, const PreparedItem& b);

 private:
  MethodResult judged(const PreparedItem& item, const ImageMapping& mapping, const Problem& problem,
                      Report report) const;

  NamedSolver solver_;
  PriorPtr prior_;
  ComplexImage complex_image_;
  std::string place_;
  Judging judging_;
};

/// Fills psnr, ssim, nrmse and chi2 of a row for `x` [1, C, H, W]. Where the data are magnitudes
/// (Operator::magnitude()) the image compared with the truth is x after undoing what they cannot tell
/// (equivalent_image.h).
void judge(ResultRow& row, const at::Tensor& x, const PreparedItem& item);

}  // namespace recon
