#include "priors/checkpoints/preset_match.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "priors/checkpoints/checkpoint.h"
#include "priors/checkpoints/presets.h"
#include "priors/checkpoints/prior_card.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Asks a file for every parameter of a network, and takes none.
class ComparedParameters final : public ParameterSource {
 public:
  explicit ComparedParameters(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  at::Tensor get(const std::string& name, const Shape& shape) override {
    const StoredTensor* stored = checkpoint_.find(name);
    fits_ = fits_ && stored != nullptr && stored->shape == shape;
    ++asked_;
    return at::zeros({1}).expand(shape);
  }
  bool fit() const { return fits_ && asked_ == checkpoint_.names().size(); }

 private:
  const Checkpoint& checkpoint_;
  std::size_t asked_ = 0;
  bool fits_ = true;
};

bool fits(const PriorCard& card, const std::filesystem::path& path) {
  try {
    const Checkpoint checkpoint = Checkpoint::open(path, card.selection);
    ComparedParameters parameters(checkpoint);
    card.network.config->build(parameters);
    return parameters.fit();
  } catch (const Error&) {
    return false;  // no such key or prefix: another model's file
  }
}

}  // namespace

std::vector<PresetMatch> matching_presets(const std::filesystem::path& path) {
  std::vector<PresetMatch> matches;
  const std::string file = std::filesystem::is_directory(path) ? "FILE" : path.filename().string();
  for (const std::string& preset : preset_names()) {
    const PriorCard card = preset_prior_card(preset);
    ClassLabels* const labels = card.network.config->classes();
    // As its authors save it, or a state dict that was taken out of that.
    for (const bool without_keys : {false, true}) {
      for (const bool without_prefix : {false, true}) {
        PriorCard tried = card;
        if (without_keys) tried.selection.keys.clear();
        if (without_prefix) tried.selection.prefix.clear();
        const bool same =
            (without_keys && card.selection.keys.empty()) || (without_prefix && card.selection.prefix.empty());
        if (same || !fits(tried, path)) continue;
        std::string text = fmt::format("preset: {}\nweights: {}\n", preset, file);
        if (without_keys) text += "weights_key: []\n";
        if (without_prefix) text += "weights_prefix: ''\n";
        if (labels != nullptr && labels->count > 0) text += fmt::format("class: 0  # of 0..{}\n", labels->count - 1);
        matches.push_back({.preset = preset, .card = text});
      }
    }
  }
  return matches;
}

}  // namespace recon
