#pragma once

#include <memory>
#include <string>

#include "recon/pipeline/items/file_pool.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/items/item_source.h"

namespace recon {

/// Opens a file by the format that the plan names, or that recognises it. Throws Error(data) for the file's faults.
ExternalFile open_external(const InputPlan& plan, const std::string& path);

/// The items of an external file; header.scale is what `scale: auto` multiplied its numbers with. Ids are what the
/// file calls its items, or their indices in it. `scale: auto` takes the brightest point from the file if it says so,
/// else from |A^H y| of its middle item, filtered where the operator knows how (projections).
///
/// Throws Error(data) for the file's faults, Error(usage) with the section's place for slices that are not there and
/// for an operator that gives other data than the file holds.
ItemReader external_reader(const std::shared_ptr<const InputPlan>& plan,
                           const std::shared_ptr<FilePool<ExternalFile>>& pool, const std::string& path);

}  // namespace recon
