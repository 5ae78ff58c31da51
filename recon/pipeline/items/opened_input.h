#pragma once

#include <string>
#include <vector>

#include "data/result_set.h"
#include "recon/config/yaml_node.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/items/item_source.h"

namespace recon {

/// One file of a batch: its items are read one by one, never the file as a whole.
struct OpenedInput {
  std::string name;           ///< unique among the inputs; begins its ids where there are several
  std::string path;           ///< "simulate" for images that are measured when they are read
  std::string hash;           ///< of the file's content (data/content_hash.h)
  std::string operator_hash;  ///< of what the file says of its operator, shared arrays included
  ItemSource source;
};

/// Opens what a config's `input` names, in that order:
///
///     input: measured.h5                     # a measurement file (data/FORMAT.md), or one that a format recognises
///     input: [monday.h5, "week/*.h5"]        # several, or what a pattern matches, sorted
///     input: {files: "week/*.h5", format: fastmri}                     # the files of others: input_plan.h
///     input: {simulate: {images: photos/, operator: ..., noise: ...}}  # images, measured when they are read
///
/// Ids are those of the file, and NAME/ID where there are several files, so that they differ across all of them. The
/// hash of a simulation is that of its images, its resolved section and its seed.
///
/// Throws Error(usage) with file:line for the config's faults (no match, a file named twice, a noise level that nobody
/// states), Error(data) for the files': all are opened first, so that one run finds every damaged one. With `skipped`,
/// damaged files are added there, and the others opened; all of them damaged is an Error(data) still.
std::vector<OpenedInput> open_inputs(const InputPlan& plan, const ItemOptions& options,
                                     std::vector<SkippedInput>* skipped = nullptr);
/// What stands for a file: `name` in messages. It has no hash of its content.
OpenedInput opened_set(const MeasurementSet& set, const std::string& name, const ItemOptions& options);
/// The one input of verbs that take one at a time; Error(usage) when there are several.
OpenedInput open_single_input(const InputPlan& plan, const ItemOptions& options);

}  // namespace recon
