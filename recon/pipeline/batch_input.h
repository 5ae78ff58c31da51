#pragma once

#include <string>
#include <vector>

#include "recon/config/yaml_node.h"
#include "recon/pipeline/item_source.h"

namespace recon {

/// One file of a batch: its items are read one by one, never the file as a whole.
struct BatchInput {
  std::string name;  ///< unique among the inputs; begins its ids where there are several
  std::string hash;  ///< of the file's content (data/content_hash.h)
  ItemSource source;
};

/// Opens what a config's `input` names, in that order:
///
///     input: measured.h5                     # a measurement file (data/FORMAT.md)
///     input: [monday.h5, "week/*.h5"]        # several, or what a pattern matches, sorted
///     input: {files: "week/*.h5"}            # the same as a section
///
/// Ids are those of the file, and NAME/ID where there are several files, so that they differ across all of them.
/// Throws Error(usage) with file:line for the config's faults (no match, a file named twice), Error(data) for the
/// files'.
std::vector<BatchInput> open_batch_inputs(const YamlNodePtr& input, const ItemOptions& options);

}  // namespace recon
