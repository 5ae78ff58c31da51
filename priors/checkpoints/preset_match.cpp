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
    PriorCard card = preset_prior_card(preset);
    std::string text = fmt::format("preset: {}\nweights: {}\n", preset, file);
    bool found = fits(card, path);
    // A state dict that was taken out of what its authors save.
    if (!found && !card.selection.keys.empty()) {
      card.selection.keys.clear();
      text += "weights_key: []\n";
      found = fits(card, path);
    }
    if (!found && !card.selection.prefix.empty()) {
      card.selection.prefix.clear();
      text += "weights_prefix: ''\n";
      found = fits(card, path);
    }
    if (found) matches.push_back({.preset = preset, .card = text});
  }
  return matches;
}

}  // namespace recon
