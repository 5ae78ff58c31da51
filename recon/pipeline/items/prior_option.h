#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "priors/checkpoints/prior_card.h"
#include "priors/networks/precision.h"
#include "priors/prior.h"
#include "recon/config/yaml_options.h"

namespace recon {

/// The prior that the option `key` of a config names: its name as it is, a path (it has a '/') from the config's
/// folder.
std::string prior_from(const YamlOptions& config, const char* key, const std::string& value);

/// The card of a prior that is made of images, or of a Gaussian one; none: the prior is a network.
std::optional<PriorCard> closed_form_card(const std::string& path_or_name);

/// A prior of any kind, by path or name: a network (load_prior), EmpiricalPrior where its card names `images`, or a
/// stationary GaussianPrior where it has a `mean`. Images are read as ImageSource does, mapped to the card's
/// value_range, and cut into tiles where the card has a `size`.
/// Throws Error(data) as load_prior does, and for images that differ in size.
PriorPtr open_prior(const std::string& path_or_name, Precision precision = Precision::float32, std::int64_t memory = 0);

/// The content hash of its folder, and of its images where they make the prior.
std::string hash_of_prior(const std::string& path_or_name);

}  // namespace recon
