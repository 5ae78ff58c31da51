#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/calibration_file.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/solve/solving_options.h"
#include "recon/pipeline/solve/uncertainty.h"

namespace recon {

/// How well an image shows another one: what the bounds are about.
std::map<std::string, double> image_quality(const at::Tensor& x, const at::Tensor& truth, double data_range);

/// What the samples [S, C, H, W] say of the quality of `x` [C, H, W] by themselves: each is taken for the truth, and
/// the quantile is on the bad side, at `miss`. Not true of itself (the mean is nearer to the samples it is made of than
/// to the truth): a calibration knows by how much. Where `x` is one of the samples (Selection::residual), that one says
/// nothing of it and is left out.
std::map<std::string, double> predicted_quality(const at::Tensor& x, const at::Tensor& samples, double data_range,
                                                double miss);
/// Whether more of it is better.
bool more_is_better(const std::string& quality);

/// How items are solved, as far as a calibration depends on it.
struct SolvingConditions {
  nlohmann::ordered_json solver;  ///< its resolved options
  std::string prior_hash;         ///< empty: none
  std::int64_t samples = 1;
  bool antithetic = true;
  Selection select = Selection::mean;
  Precision precision = Precision::float32;
};
/// `solver` and `prior` as the plan has them when the solver is settled.
SolvingConditions solving_conditions(const SolvingOptions& options, const NamedSolver& main,
                                     const nlohmann::ordered_json& solver, const std::string& prior);
/// Those, and of a source the operator, its arrays, the kind of noise, the images and how complex ones are treated, in
/// words that are the same where the conditions are; every option of the solver by itself.
std::map<std::string, std::string> conditions_of(const SolvingConditions& solving, const OpenedInput& input);

/// A calibration that is applied to results.
class AppliedCalibration {
 public:
  /// Throws Error(data) for a file that is no calibration.
  explicit AppliedCalibration(const std::string& path);

  /// Throws Error(usage) naming each condition that differs from those `here`, with what it was made for.
  void require_conditions(const std::map<std::string, std::string>& here) const;
  /// Throws Error(data) for an item whose noise level is more than 5 % outside of the calibration's.
  void require_level(const PreparedItem& item) const;
  /// `x` and `std` [C, H, W] made of the samples [S, C, H, W], all of them in the item's window.
  Guarantee guarantee(const at::Tensor& x, const at::Tensor& std, const at::Tensor& samples, const SamplePairs& pairs,
                      const PreparedItem& item) const;
  std::string text() const;  ///< for people: what it promises

 private:
  std::string path_;
  CalibrationSet set_;
};
using AppliedCalibrationPtr = std::shared_ptr<const AppliedCalibration>;

/// The file of a calibration: `path` if there is such a file, or the one that is shipped under the name `value`,
/// PRIOR/TASK: calibrations/PRIOR/TASK.h5 in the folders of priors (prior_search_folders). Empty for an empty value.
/// Throws Error(usage) with the names of those shipped for a value that is neither, and does not end in .h5.
std::string find_calibration(const std::filesystem::path& path, const std::string& value);

/// The calibration of a config, checked against the conditions of all inputs, and said in one line; null for an empty
/// path, and `solving` is asked for otherwise only: it hashes the prior.
AppliedCalibrationPtr apply_calibration(const std::string& path, const std::function<SolvingConditions()>& solving,
                                        const std::vector<const OpenedInput*>& inputs);

}  // namespace recon
