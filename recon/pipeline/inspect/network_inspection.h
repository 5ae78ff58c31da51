#pragma once

#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// What an exported network (.pt2) takes and gives: the sizes that its input may have, the shape of its output for one
/// of them, its weights and its operators with how often each is called. An operator that recon does not allow is a
/// check that fails. No card is needed; nothing runs unless all operators are allowed. Throws Error(data) for damage
/// and for archives with machine code.
Inspection inspect_exported_network(const std::string& path);

}  // namespace recon
