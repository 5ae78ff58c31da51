#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "recon/pipeline/items/item_source.h"
#include "recon/pipeline/solve/solving_options.h"

namespace recon {

/// A solver and why it is taken.
struct SolverChoice {
  std::string type, reason;
};

/// What `solver: auto` takes for one image of these axes, measured by an operator with that config (YAML): what
/// measured best in recon/docs/measurements.md ("Which solver auto takes", "Volumes"):
///
///     volumes, linear operators             diffusion_mbir
///     bright points on an empty field       tv_pdhg
///     magnitudes, their phases lost         diffusion_raar; of complex images alternating_projections
///     other operators that are not linear   dps
///     a wide part is not measured           diffpir
///     a mosaic of colour filters            diffpir
///     all others                            plug_and_play
///
/// `first` gives the operator and the data, where the operator's kind does not say enough: coil maps may have to be
/// estimated for one.
struct FirstData {
  OperatorPtr op;
  at::Tensor y;  ///< [1, range...]
  double noise_std = 0;
};
SolverChoice choose_solver(const TensorSpec& image, const std::string& operator_config,
                           const std::function<FirstData()>& first);

/// Whether the data show bright points on an empty field, as telescopes do: the brightest quarter per cent of the
/// pixels holds .4 of the contrast (squared distance from the median) of the image that the data give without a prior,
/// and the brightest number measured is 150 times the noise or more. That share is .45 to .70 on fields of stars, at
/// most .25 on 99 of 100 photographs and CT slices, and .37 on nuclei of cells.
bool shows_bright_points(const LinearOperator& op, const at::Tensor& y, double noise_std);

/// Whether some square of 9 x 9 pixels leaves nothing in the data, as a hole in the picture does. Single missing pixels
/// are not like that.
bool leaves_wide_hole(const LinearOperator& op, const at::Tensor& y);

/// The first item of a source that is to be solved.
struct FirstItem {
  ItemSource* source;
  std::int64_t index;
};
/// Settles `solver: auto`, and says so. Several samples: dps. One image: by these items; where they ask for different
/// solvers it is plug_and_play, or dps if an operator is not linear. `main` and `resolved["solver"]` become the solver
/// with its defaults, under a name that is not among `taken`. Nothing happens to any other solver. Returns what was
/// taken and why, "diffpir: one image of a linear operator"; empty for any other solver.
std::string settle_solver(NamedSolver& main, nlohmann::ordered_json& resolved, const std::vector<FirstItem>& items,
                          std::int64_t samples, c10::Device device, std::set<std::string> taken = {});

}  // namespace recon
