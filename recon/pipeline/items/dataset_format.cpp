// `format: dataset`: any HDF5 file, by a description of one of its datasets.
#include <memory>

#include "data/external_dataset.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct DatasetOptions {
  std::string dataset;
  std::vector<std::string> axes;
  std::string ground_truth;
  Shape image_shape;

  void visit(ParameterVisitor& v) {
    v.field("dataset", dataset, "path of the measurements in the file; `recon inspect FILE` lists them");
    v.field("axes", axes, "what its axes are, of item, channel, y, x, complex; default: [item, channel,] y, x");
    v.field("ground_truth", ground_truth, "path of the true images, laid out and scaled like the measurements");
    v.field("image_shape", image_shape,
            "[C, H, W] of the image to be found; default: what the operator needs for such measurements",
            {.min = 1, .max = 0x1p31 - 1});
  }
};

ExternalFile open_dataset(const DatasetOptions& options, const std::string& path, const StoredNumbers& numbers) {
  const hdf5::File file = hdf5::File::open(path);
  const ExternalLayout layout{options.dataset, options.axes, numbers.offset, numbers.scale};
  const auto y = std::make_shared<const ExternalDataset>(file, layout);
  ExternalFile opened{.count = y->count(),
                      .measurement = y->spec(),
                      .y = [y](std::int64_t index) { return y->item(index, Finite::unchecked); },
                      .image_shape = options.image_shape};
  if (options.ground_truth.empty()) return opened;
  ExternalLayout truth_layout = layout;
  truth_layout.dataset = options.ground_truth;
  if (y->spec().scalar == ScalarKind::complex) truth_layout.axes.clear();  // a magnitude image, most likely
  const auto truth = std::make_shared<const ExternalDataset>(file, truth_layout);
  if (truth->count() != y->count()) {
    throw data_error(truth->location(), "expected one image for each of the {} items, got {}; choose another dataset",
                     y->count(), truth->count());
  }
  opened.truth = [truth](std::int64_t index) { return truth->item(index); };
  return opened;
}

ExternalOpener dataset_opener(const DatasetOptions& options, const std::string& location) {
  if (options.dataset.empty()) {
    throw usage_error(location, "`dataset` is missing: its path in the file; `recon inspect FILE` lists them");
  }
  return
      [options](const std::string& path, const StoredNumbers& numbers) { return open_dataset(options, path, numbers); };
}

}  // namespace

InputFormat dataset_format() {
  return {Kind<ExternalOpener>::of<DatasetOptions>(
      {.name = "dataset", .summary = "a dataset of any HDF5 file, described by the config"}, dataset_opener)};
}

}  // namespace recon
