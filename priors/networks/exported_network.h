#pragma once

#include <filesystem>
#include <memory>

#include "priors/networks/network.h"
#include "priors/networks/program_config.h"

namespace recon {

/// A network of any architecture that Python exported: torch.export.save of torch.export.export of a module with
///
///     forward(x: float32 [B, C, H, W], t: float32 [B]) -> float32 [B, C or 2 C, H, W]
///
/// with dynamic B, and H and W where other sizes than that of the example are wanted. The file is a graph of ATen
/// operators and weights, without machine code: see read_exported_archive() for how it is read and ExportedProgram for
/// what it may call. A batch beyond what the export allows goes through in parts. Differentiable in x.
///
/// Throws Error(data) at `file`, with the entry and the node, for one that is damaged or asks for more.
std::shared_ptr<const Network> load_exported(const std::filesystem::path& file, const ProgramConfig& config);

}  // namespace recon
