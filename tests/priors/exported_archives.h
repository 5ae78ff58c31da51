#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "priors/mapped_file.h"
#include "priors/zip_archive.h"
#include "tests/priors/torch_files.h"
#include "tests/support/paths.h"

// The recorded archives of torch.export, taken apart, so that tests can make wrong ones.
namespace recon::test {

inline std::filesystem::path exported_record(const std::string& name = "small") {
  return source_path("tests/golden/exported/" + name);
}

class ExportedFile {
 public:
  std::map<std::string, std::string> entries;  ///< without the folder's name
  nlohmann::json program, weights;             ///< of models/model.json and of the weights' config

  explicit ExportedFile(const std::string& record = "small") {
    const std::filesystem::path path = exported_record(record) / "model.pt2";
    const MappedFile file(path);
    const ZipArchive archive(file.bytes(), path.string());
    for (const auto& name : archive.names()) {
      std::string bytes(archive.size(name), '\0');
      archive.read(name, bytes.data());
      entries[name.substr(name.find('/') + 1)] = bytes;
    }
    program = nlohmann::json::parse(entries.at(kProgram));
    weights = nlohmann::json::parse(entries.at(kWeights));
  }

  nlohmann::json& nodes() { return program["graph_module"]["graph"]["nodes"]; }
  /// The first call of an operator.
  nlohmann::json& node(const std::string& target) {
    for (auto& one : nodes()) {
      if (one["target"] == target) return one;
    }
    throw std::runtime_error("no call of " + target);
  }

  std::string bytes() const {
    std::vector<ZipEntry> written;
    for (const auto& [name, content] : entries) {
      written.push_back({.name = "m/" + name,
                         .bytes = name == kProgram   ? program.dump()
                                  : name == kWeights ? weights.dump()
                                                     : content});
    }
    return zip_of(written);
  }
  void write(const std::filesystem::path& path) const { std::ofstream(path, std::ios::binary) << bytes(); }

 private:
  static constexpr const char* kProgram = "models/model.json";
  static constexpr const char* kWeights = "data/weights/model_weights_config.json";
};

}  // namespace recon::test
