#pragma once

#include "recon/core/progress.h"

namespace recon {

/// From the first call on, SIGINT and SIGTERM cancel this token: loops stop after their step (a batch after
/// the items in work) and what is done is saved.
/// A second signal kills the program.
const CancellationToken& interruption();

}  // namespace recon
