#pragma once

#include <filesystem>

#include "priors/networks/exported_graph.h"

namespace recon {

/// The graph and the weights of a `.pt2` archive that torch.export.save or package_pt2 wrote: a zip archive with
///
///     NAME/archive_format                             "pt2"
///     NAME/models/MODEL.json                          the graph
///     NAME/data/weights/MODEL_weights_config.json     types, shapes and files of parameters and buffers
///     NAME/data/weights/weight_N                      their bytes, little-endian
///     NAME/data/constants/...                         the same for constants
///
/// The model is the one there is, or `denoise` where there are several. Nothing of the file is run, and nothing pickled
/// in it (sample inputs, tensor subclasses) is read. Every view is checked against its bytes before memory is taken.
/// Throws Error(data) naming the file and the entry: an archive that is damaged, of another kind or holds machine code
/// (AOTInductor), weights that do not fit their bytes, and what read_exported_graph() throws.
ExportedGraph read_exported_archive(const std::filesystem::path& file);

}  // namespace recon
