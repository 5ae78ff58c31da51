#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "operators/operator.h"
#include "recon/config/config.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// What was found; `passed` is false when a check did not.
struct Inspection {
  nlohmann::ordered_json found;
  bool passed = true;

  /// Adds {"check", "value", "limit", "passed"} to found["checks"].
  void check(const std::string& name, double value, double limit, bool ok);
};

/// A measurement file: shapes, operator, noise, ids. With `check`: the operator's diagnostics, all values finite and,
/// where there is ground truth, chi² of the truth (1 when noise level and operator are what the file says); and the
/// noise level that the first item's data show by themselves (recon/metrics/noise_level.h).
Inspection inspect_measurement(const std::string& path, bool check);

/// An HDF5 file that recon did not write: its datasets (path, shape, type, filters) and, as `config`, the beginning of
/// a run or batch config that reads it. What cannot be told from the file is a guess with a comment; there is no config
/// when no dataset could be measurements.
Inspection inspect_external(const std::string& path);

/// A result file: solver, figures per item, provenance.
Inspection inspect_result(const std::string& path);

/// A samples file: shape, sampler, moments of the values, provenance.
Inspection inspect_samples(const std::string& path);

/// A prior by folder or name. With `check`: it denoises a drawn test picture at several levels, better than doing
/// nothing, its pullback agrees with finite differences, and no other reading of its network denoises `images`
/// (ImageSource's text forms; empty: a shipped picture) better than its card's
/// (priors/diagnostics/interpretation_search.h). The reading found is a card to paste.
Inspection inspect_prior(const std::string& path_or_name, bool check, const std::string& images = "");
/// Compares a prior's network with recorded outputs (priors/checkpoints/golden.h).
Inspection inspect_golden(const std::string& path_or_name, const std::string& golden, double tolerance);

/// What a prior's denoiser makes of images it should know: mean PSNR in dB after clipping at noise of 0.1, 0.2, 0.5, 1
/// and 3 half-widths of its value range over the first `count` images of a source (ImageSource's text forms), beside
/// that of total variation with the weight by the discrepancy principle.
Inspection inspect_denoising(const std::string& path_or_name, const std::string& images, std::int64_t count);

/// An operator section for images of a spec. With `check`: its diagnostics.
Inspection inspect_operator(const YamlNodePtr& node, const TensorSpec& image, bool check);

/// A safetensors file: names, types and shapes.
Inspection inspect_safetensors(const std::string& path);

}  // namespace recon
