#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "priors/prior.h"
#include "recon/solvers/problem.h"

namespace recon {

/// Solves entries of a batch together: a solver's loop.
using SolveTogether = std::function<Report(const Problem& entries, const Controls& controls)>;

/// The entries of a batch, as many at a time as fit into memory; one report of all.
///
/// Who goes together makes no difference but for rounding: an entry's numbers depend on its own key, y and noise_std.
/// How many do at first, where Controls::at_once does not say it:
///   - all, as long as Controls::memory is 0;
///   - no more than the prior takes as a whole within its budget (Prior::most_at_once);
///   - of large entries no more than fit by one step of the first one alone, whose growth of memory is measured: the
///     largest power of two within four fifths of what is left of Controls::memory, or on a GPU of what is free there.
/// When an allocation fails (is_out_of_memory()), half as many go on with what is left to do; what was solved is kept.
///
/// Works, times and outcomes are those of all parts. A trace ends with the longest part, the others stay as they ended.
/// Cancelled, the part under way stops after its step; when all entries are of one item, those not begun are left out
/// of the report, which then holds fewer than the problem, the last of them stopped_early.
///
/// Throws OutOfMemory where a single entry does not fit.
Report solve_in_micro_batches(const Problem& problem, const Prior* prior, const Controls& controls,
                              const SolveTogether& solve);

/// Entries of equal numbers of steps together, one number after the other; one report of all, in the problem's order.
/// Without numbers, and where all are equal, all go together. The progress is that of all these steps in a row.
Report solve_by_steps(const Problem& problem, const std::vector<std::int64_t>& steps, const Controls& controls,
                      const SolveTogether& solve);

/// The entries `first` to `first + count` of a problem.
Problem entries_of(const Problem& problem, std::int64_t first, std::int64_t count);

}  // namespace recon
