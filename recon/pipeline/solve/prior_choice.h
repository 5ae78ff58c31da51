#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"
#include "recon/pipeline/solve/solver_choice.h"

namespace recon {

/// The word that leaves the choice to settle_prior().
inline constexpr const char* automatic_prior = "auto";

/// What `prior: auto` takes for images of that kind: natural_rgb for real ones [3, H, W] of at most 512 x 512 pixels,
/// beyond which the time of its attention grows with the square of the pixels; else natural_gray, which treats channels
/// one by one. By recon/docs/measurements.md ("Which prior auto takes").
std::string choose_prior(const TensorSpec& image);

/// Settles `prior: auto`: `prior` and `resolved["prior"]` become what all of these items have in common, natural_gray
/// where they differ. Says so where it is not natural_gray and `needed`. Nothing happens to any other prior.
void settle_prior(std::string& prior, nlohmann::ordered_json& resolved, const std::vector<FirstItem>& items,
                  bool needed);

}  // namespace recon
