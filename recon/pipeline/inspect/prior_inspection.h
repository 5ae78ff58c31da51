#pragma once

#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// A prior by folder or name. With `check`: it denoises a drawn test picture at several levels, better than doing
/// nothing, its pullback agrees with finite differences, and no other reading of its network denoises `images`
/// (ImageSource's text forms; empty: a shipped picture) better than its card's
/// (priors/diagnostics/interpretation_search.h). The reading found is a card to paste.
Inspection inspect_prior(const std::string& path_or_name, bool check, const std::string& images = "");
/// Compares a prior's network with recorded outputs (priors/checkpoints/golden.h).
Inspection inspect_golden(const std::string& path_or_name, const std::string& golden, double tolerance);

/// A safetensors file: names, types and shapes, and the published models that have them (preset_match.h).
Inspection inspect_safetensors(const std::string& path);
/// A file of torch.save, or a folder of weights without a card: the published models that have its tensors, and the
/// card to write.
Inspection inspect_weights(const std::string& path);
/// Whether torch.save wrote a file, by its content; one that ends in .pt, .pth or .bin.
bool is_torch_file(const std::string& path);
/// Whether a folder has weights and neither a card nor a config of diffusers.
bool has_bare_weights(const std::string& folder);

}  // namespace recon
