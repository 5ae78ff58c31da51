#pragma once

#include <string>

#include "recon/commands/verb.h"

namespace recon {

/// `recon batch --watch OUT`: shows a batch that other processes compute until it is finished, or until Ctrl-C, which
/// does nothing to the batch. `once`: looks once, and says what there is.
VerbResult watch_batch(const std::string& output, bool once, bool quiet);

}  // namespace recon
