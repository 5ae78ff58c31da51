#include "priors/networks/exported_archive.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "priors/json_fields.h"
#include "priors/mapped_file.h"
#include "priors/networks/exported_graph_reader.h"
#include "priors/zip_archive.h"
#include "recon/core/error.h"

namespace recon {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormatEntry = "/archive_format";
constexpr const char* kUsualModel = "denoise";
constexpr std::size_t kMaxGraphBytes = 64 << 20;  ///< a U-Net of 100 million parameters has 3 MB

class Pt2Archive {
 public:
  explicit Pt2Archive(const std::filesystem::path& file)
      : path_(file.string()), file_(file), archive_(file_.bytes(), path_), root_(find_root()) {
    if (text("archive_format", 100) != "pt2") throw data_error(path_, "'archive_format': expected pt2");
    if (archive_.contains(root_ + "byteorder") && text("byteorder", 100) != "little") {
      throw data_error(path_, "expected little-endian weights");
    }
  }

  const std::string& path() const { return path_; }
  bool contains(const std::string& entry) const { return archive_.contains(root_ + entry); }

  /// The model to take.
  std::string model() const {
    constexpr std::string_view kFolder = "models/", kEnding = ".json";
    std::vector<std::string> models;
    for (const auto& name : archive_.names()) {
      const std::string entry = name.substr(std::min(root_.size(), name.size()));
      if (entry.starts_with(kFolder) && entry.ends_with(kEnding)) {
        models.push_back(entry.substr(kFolder.size(), entry.size() - kFolder.size() - kEnding.size()));
      }
      if (entry.starts_with("data/aotinductor/") || entry.ends_with(".so")) {
        throw data_error(path_,
                         "'{}': an AOTInductor package, which holds machine code and no derivative; it is never run. "
                         "Save the exported program itself, by torch.export.save",
                         entry);
      }
    }
    if (models.size() == 1) return models.front();
    if (std::find(models.begin(), models.end(), kUsualModel) != models.end()) return kUsualModel;
    throw data_error(path_, "expected one model, or one of the name '{}', got {}: {}", kUsualModel, models.size(),
                     models.empty() ? "none" : fmt::format("{}", fmt::join(models, ", ")));
  }

  std::string text(const std::string& entry, std::size_t limit) const {
    const std::uint64_t bytes = archive_.size(root_ + entry);
    if (bytes > limit) throw data_error(path_, "zip entry '{}': {} bytes, limit {}", entry, bytes, limit);
    std::string read(bytes, '\0');
    archive_.read(root_ + entry, read.data());
    return read;
  }
  Json json(const std::string& entry) const { return parse_json(text(entry, kMaxGraphBytes), path_ + " " + entry); }

  /// All elements of an entry, read once however many weights are views of it.
  at::Tensor elements(const std::string& entry, c10::ScalarType type) {
    at::Tensor& held = storages_[{entry, type}];
    if (held.defined()) return held;
    const std::uint64_t bytes = archive_.size(root_ + entry);
    const auto element = static_cast<std::uint64_t>(c10::elementSize(type));
    if (bytes % element != 0) {
      throw data_error(path_, "zip entry '{}': {} bytes are no whole number of {}", entry, bytes, c10::toString(type));
    }
    // Truth values are bytes of 0 and 1, and nothing else.
    const bool truths = type == c10::kBool;
    held = at::empty({static_cast<std::int64_t>(bytes / element)}, truths ? c10::kByte : type);
    archive_.read(root_ + entry, static_cast<char*>(held.data_ptr()));
    if (truths) held = held.ne(0);
    return held;
  }

 private:
  std::string find_root() const {
    std::vector<std::string> roots;
    for (const auto& name : archive_.names()) {
      if (name.ends_with(kFormatEntry))
        roots.push_back(name.substr(0, name.size() - std::string(kFormatEntry).size() + 1));
    }
    if (roots.size() != 1) {
      throw data_error(path_, "expected a zip archive with one NAME{}, as torch.export.save writes it, got {} of them",
                       kFormatEntry, roots.size());
    }
    return roots.front();
  }

  std::string path_;
  MappedFile file_;
  ZipArchive archive_;
  std::string root_;  ///< "NAME/"
  std::map<std::pair<std::string, c10::ScalarType>, at::Tensor> storages_;
};

/// Whole numbers of a list of {"as_int": n}, none negative.
Shape whole_numbers(const Json& meta, const char* key, const std::string& location) {
  Shape numbers;
  for (const Json& one : json_list(meta, key, location)) {
    numbers.push_back(json_whole(json_member(one, "as_int", location), location));
    if (numbers.back() < 0) throw data_error(location, "'{}': expected none below 0, got {}", key, numbers.back());
  }
  return numbers;
}

/// The weights under their names in the module.
class WeightFiles {
 public:
  WeightFiles(Pt2Archive& archive, const std::string& model) : archive_(&archive) {
    add("data/weights/", model + "_weights_config.json");
    add("data/constants/", model + "_constants_config.json");
  }

  at::Tensor find(const std::string& name) const {
    const auto found = payloads_.find(name);
    if (found == payloads_.end()) throw data_error(archive_->path(), "there is no weight '{}'", name);
    const auto& [folder, payload] = found->second;
    const std::string location = archive_->path() + " weight '" + name + "'";
    const Json& pickled = json_member(payload, "use_pickle", location);
    if (!pickled.is_boolean() || pickled.get<bool>()) {
      throw data_error(location, "is pickled; only plain tensors are read");
    }
    const Json& meta = json_member(payload, "tensor_meta", location);
    const c10::ScalarType type = exported_scalar_type(json_member(meta, "dtype", location), location);
    const at::Tensor elements = archive_->elements(folder + json_text(payload, "path_name", location), type);
    const Shape sizes = whole_numbers(meta, "sizes", location), strides = whole_numbers(meta, "strides", location);
    const std::int64_t offset =
        json_whole(json_member(json_member(meta, "storage_offset", location), "as_int", location), location);
    require_inside(sizes, strides, offset, elements.numel(), location);
    return elements.as_strided(sizes, strides, offset);
  }

 private:
  void add(const std::string& folder, const std::string& config) {
    if (!archive_->contains(folder + config)) return;
    const std::string location = archive_->path() + " " + folder + config;
    const Json json = archive_->json(folder + config);
    const Json& payloads = json_member(json, "config", location);
    if (!payloads.is_object()) throw data_error(location, "'config': expected an object");
    for (const auto& [name, payload] : payloads.items()) payloads_.emplace(name, std::pair(folder, payload));
  }

  /// Neither more elements than there are, nor one beyond them.
  static void require_inside(const Shape& sizes, const Shape& strides, std::int64_t offset, std::int64_t count,
                             const std::string& location) {
    constexpr std::size_t kMaxAxes = 16;
    bool fits = sizes.size() == strides.size() && sizes.size() <= kMaxAxes && offset >= 0 && offset <= count;
    std::int64_t numel = 1, last = offset;
    for (std::size_t axis = 0; fits && axis < sizes.size(); ++axis) {
      std::int64_t reach = 0;
      fits = !__builtin_mul_overflow(numel, sizes[axis], &numel) && numel <= count &&
             !__builtin_mul_overflow(std::max<std::int64_t>(sizes[axis] - 1, 0), strides[axis], &reach) &&
             !__builtin_add_overflow(last, reach, &last);
    }
    if (!fits || (numel > 0 && last >= count)) {
      throw data_error(location, "sizes {} with strides {} from {} do not fit the {} elements of the file",
                       to_string(sizes), to_string(strides), offset, count);
    }
  }

  Pt2Archive* archive_;
  std::map<std::string, std::pair<std::string, Json>> payloads_;
};

}  // namespace

ExportedGraph read_exported_archive(const std::filesystem::path& file) {
  Pt2Archive archive(file);
  const std::string model = archive.model(), entry = "models/" + model + ".json";
  const WeightFiles weights(archive, model);
  return read_exported_graph(
      archive.json(entry), [&](const std::string& name) { return weights.find(name); }, archive.path() + " " + entry);
}

}  // namespace recon
