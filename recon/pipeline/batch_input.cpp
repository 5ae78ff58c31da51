#include "recon/pipeline/batch_input.h"

#include <memory>

#include "data/content_hash.h"
#include "data/measurement_file.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/pipeline/input_files.h"

namespace recon {
namespace {

ItemReader measurement_reader(const std::string& path) {
  const auto file = std::make_shared<const MeasurementFile>(MeasurementFile::open(path));
  return {.name = file->path(),
          .header = file->header(),
          .ids = file->ids(),
          .measurement = file->measurement(),
          .read = [file](std::int64_t index) { return file->item(index); }};
}

const YamlNode& files_node(const YamlNode& input) {
  if (input.kind != YamlNode::Kind::mapping) return input;
  const YamlEntry* files = input.find("files");
  if (files == nullptr) throw usage_error(input.place, "input: `files` is missing: which files are to be read?");
  return *files->value;
}

}  // namespace

std::vector<BatchInput> open_batch_inputs(const YamlNodePtr& input, const ItemOptions& options) {
  const auto files = input_files(files_node(*input), "input");
  std::vector<BatchInput> inputs;
  for (const auto& file : files) {
    ItemReader reader = measurement_reader(file.path);
    if (files.size() > 1) {
      for (auto& id : reader.ids) id = file.name + "/" + id;
    }
    inputs.push_back({file.name, content_hash_of_file(file.path), ItemSource(std::move(reader), options)});
  }
  return inputs;
}

}  // namespace recon
