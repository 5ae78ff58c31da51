#pragma once

#include <filesystem>
#include <memory>

#include "priors/networks/network.h"
#include "priors/networks/program_config.h"

namespace recon {

/// A network of any architecture that Python exported: torch.jit.script or torch.jit.trace of a module with
///
///     forward(x: float32 [B, C, H, W], t: float32 [B]) -> float32 [B, C or 2 C, H, W]
///
/// which works for every B, and for every size that the config allows. It must be differentiable in x.
///
/// A TorchScript module is a program: LibTorch runs what is in the file, so only files that are trusted as programs are
/// may be loaded. It is never done unless the card says `architecture: torchscript`. Throws Error(data) at `file` for
/// one that cannot be loaded, without parameters, or with another forward.
std::shared_ptr<const Network> load_torchscript(const std::filesystem::path& file, const ProgramConfig& config);

}  // namespace recon
