#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/image_geometry.h"
#include "data/image_range.h"
#include "recon/core/kind.h"
#include "recon/core/noise.h"
#include "recon/core/registry.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// A file of measurements of another program, open for reading, and what it says of them itself.
struct ExternalFile {
  std::int64_t count = 1;                                  ///< of items
  TensorSpec measurement;                                  ///< of one item, the range of its operator: [C, H, W]
  std::function<at::Tensor(std::int64_t)> y;               ///< of an item: float32 or complex64
  std::function<at::Tensor(std::int64_t)> truth = {};      ///< of an item; empty: the file has none
  Shape image_shape = {};                                  ///< [C, H, W] to be found; empty: that of a measurement
  std::string operator_config = {};                        ///< YAML; empty: not said
  std::map<std::string, at::Tensor> operator_arrays = {};  ///< that operator_config names as {dataset: NAME}
  std::optional<Noise> noise = {};                         ///< of y; none: not said
  std::optional<double> brightest = {};                    ///< point of all images, for `scale: auto`; none: not said
  bool arbitrary_units = false;                            ///< `scale: auto` unless a config gives a number
  double full_scale = 1;                                   ///< what y are the stored numbers divided by
  std::vector<std::string> ids = {};                       ///< of the items, all different; empty: "0", "1", ...
  std::optional<ImageRange> range = {};                    ///< of the images; none: not said
  /// Standard deviations of the entries of y, shaped alike, NaN or infinite where nothing was measured; empty: not
  /// said.
  std::function<at::Tensor(std::int64_t)> std_map = {};
  bool std_map_is_mask = false;                ///< std_map only tells what was measured; the level of noise is not said
  std::optional<ImageGeometry> geometry = {};  ///< where the images of the items lie, one slice each; none: not said
  std::vector<std::pair<std::string, std::string>> facts = {};  ///< for `recon inspect`: what the file says besides
};

/// What a config makes of the numbers in a file: (number - offset) scale.
struct StoredNumbers {
  double offset = 0;
  std::optional<double> scale = {};  ///< none: unsigned integers are divided by full scale, others stay as they are
};
/// y, the truth and what else is measured in their units. Throws Error(usage) for an offset of complex numbers.
ExternalFile with_numbers(ExternalFile file, const StoredNumbers& numbers, const std::string& path);
Noise scaled(Noise noise, double scale);

using ExternalOpener = std::function<ExternalFile(const std::string& path, const StoredNumbers& numbers)>;

/// A format of measurement files, the `format:` of a config's `input` (input_plan.h). What is made from its options is
/// what opens its files; faults of the files are Error(data) naming the path.
struct InputFormat : Kind<ExternalOpener> {
  /// Whether a file is of this format; called with files of any kind. Such a file needs no `format:` in a config.
  /// Empty: files do not show it.
  std::function<bool(const std::string& path)> recognises = {};
  /// Of a format whose files hold several things of which one is measured: their names and what they are. The option
  /// `choice` names one. Empty: a file holds one thing. Throws Error(data) for damage.
  std::function<std::vector<std::pair<std::string, std::string>>(const std::string& path)> contents = {};
  std::string choice = {};
  bool last_resort = false;      ///< `recognises` goes by little more than the name: asked after all other formats
  bool reads_folders = false;    ///< `recognises` is asked of folders, too: one is opened as a whole
  bool states_operator = false;  ///< false: a config has to
  bool estimates_noise = false;  ///< a level that nobody states is found in the data; false: a config has to state it

  /// Files that `open(options, path)` opens.
  template <class Options, class Open>
  static InputFormat of(KindDescription description, Open open) {
    return {Kind<ExternalOpener>::of<Options>(
        std::move(description), [open](const Options& options, const std::string&) -> ExternalOpener {
          return [open, options](const std::string& path, const StoredNumbers& numbers) {
            return with_numbers(open(options, path), numbers, path);
          };
        })};
  }
};

/// The formats of other programs. recon's own (data/FORMAT.md) is none of them: its files say everything themselves.
const Registry<InputFormat>& input_formats();
/// The same, to add formats of one's own to (Registry::add); before they are first used.
Registry<InputFormat>& mutable_input_formats();

/// The format that recognises the file; null where none does, and for recon's own files.
const InputFormat* recognised_format(const std::string& path);

/// Any HDF5 file, by a description of one of its datasets.
InputFormat dataset_format();
/// Single-coil fastMRI.
InputFormat fastmri_format();
/// PNG, JPEG, TIFF.
InputFormat picture_format();
/// Images of telescopes.
InputFormat fits_format();
/// NumPy's arrays.
InputFormat npy_format();
/// Volumes of medical imaging.
InputFormat nifti_format();
/// Slices of scanners, single files and folders.
InputFormat dicom_format();
/// NumPy's archives.
InputFormat npz_format();
/// MATLAB's variables.
InputFormat mat_format();
/// Stacks of microscopes with their axes.
InputFormat tiff_stack_format();
/// Tomography with flat and dark fields.
InputFormat nxtomo_format();
/// Mosaics of cameras' sensors.
InputFormat raw_format();

}  // namespace recon
