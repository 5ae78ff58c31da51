#include "priors/checkpoints/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "priors/checkpoints/safetensors.h"
#include "priors/checkpoints/torch_file.h"
#include "priors/json_fields.h"
#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
constexpr const char* kWeights = ".safetensors";
constexpr const char* kIndex = ".safetensors.index.json";

std::vector<fs::path> files_ending_in(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().ends_with(ending)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The file or index in a folder that stands for the whole model.
fs::path weights_in(const fs::path& folder) {
  for (const char* ending : {kWeights, kIndex}) {
    const fs::path usual = folder / (std::string("diffusion_pytorch_model") + ending);
    if (fs::exists(usual)) return usual;
  }
  for (const char* ending : {kIndex, kWeights, ".pt", ".pth", ".bin"}) {
    const auto found = files_ending_in(folder, ending);
    if (found.size() == 1) return found.front();
    if (found.size() > 1) {
      std::vector<std::string> names;
      for (const auto& path : found) names.push_back(path.filename().string());
      throw data_error(folder.string(), "expected one model, got {}; say which by `weights: FILE` in prior.yaml",
                       fmt::join(names, ", "));
    }
  }
  throw data_error(folder.string(),
                   "no *.safetensors, *.pt, *.pth or *.bin with the weights; name another file by "
                   "`weights: FILE` in prior.yaml");
}

std::unique_ptr<const TensorFile> open_tensor_file(const fs::path& path, const std::vector<std::string>& keys) {
  if (TorchFile::looks_like_torch(MappedFile(path).bytes())) return std::make_unique<const TorchFile>(path, keys);
  if (!keys.empty()) {
    throw data_error(path.string(), "`weights_key`: only files of torch.save hold dicts of dicts; this is none");
  }
  return std::make_unique<const SafetensorsFile>(path);
}

/// What older diffusers called the last part of a parameter's name; empty when there is no older name.
std::string earlier_name(const std::string& name) {
  static constexpr std::array<std::pair<const char*, const char*>, 5> kRenamed{{{".to_q.", ".query."},
                                                                                {".to_k.", ".key."},
                                                                                {".to_v.", ".value."},
                                                                                {".to_out.0.", ".proj_attn."},
                                                                                {"time_proj.weight", "time_proj.W"}}};
  for (const auto& [now, before] : kRenamed) {
    const auto at = name.rfind(now);
    if (at != std::string::npos) return std::string(name).replace(at, std::string(now).size(), before);
  }
  return {};
}

/// The same numbers with trailing axes of length 1: a matrix stored as a 1x1 convolution.
bool is_pointwise(const Shape& stored, const Shape& wanted) {
  Shape padded = wanted;
  padded.resize(stored.size(), 1);
  return wanted.size() == 2 && stored.size() > 2 && stored == padded;
}

/// The one prefix by which most of the missing names are there, and how many; empty when it is less than half of them.
std::string prefix_of_missing(const std::vector<std::string>& missing, const std::vector<std::string>& unused) {
  std::map<std::string, std::size_t> counts;
  const std::set<std::string> wanted(missing.begin(), missing.end());
  for (const auto& name : unused) {
    // Each part of the name after a dot may be the network's own name of the tensor.
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      if (wanted.contains(name.substr(dot + 1))) ++counts[name.substr(0, dot + 1)];
    }
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most != counts.end() && 2 * most->second >= missing.size() ? most->first : std::string();
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& path, const WeightsSelection& selection) {
  const fs::path file = fs::is_directory(path) ? weights_in(path) : path;
  Checkpoint checkpoint(file.string(), selection);
  if (file.string().ends_with(kIndex)) {
    checkpoint.add_index(file);
  } else {
    checkpoint.add_file(file);
  }
  if (checkpoint.tensors_.empty()) {
    throw data_error(checkpoint.location_, "no tensor's name begins with `weights_prefix` '{}'", selection.prefix);
  }
  return checkpoint;
}

void Checkpoint::add_file(const fs::path& path) {
  files_.push_back(open_tensor_file(path, selection_.keys));
  for (const auto& name : files_.back()->names()) {
    if (!name.starts_with(selection_.prefix)) continue;
    const std::string ours = name.substr(selection_.prefix.size());
    if (!tensors_.emplace(ours, Location{files_.size() - 1, name}).second) {
      throw data_error(path.string(), "tensor '{}' is in another file of the model as well", name);
    }
  }
}

void Checkpoint::add_index(const fs::path& path) {
  const nlohmann::json index = parse_json_file(path);
  JsonFields fields(index, path.string());
  fields.ignore({"metadata"});
  const nlohmann::json& map = fields.take("weight_map");
  fields.refuse_the_rest("the index reader");
  if (!map.is_object()) throw data_error(path.string(), "'weight_map': expected an object of tensor and file names");
  std::map<std::string, std::set<std::string>> tensors_of;
  for (const auto& [tensor, file] : map.items()) {
    if (!file.is_string() || fs::path(file.get<std::string>()).filename() != file.get<std::string>()) {
      throw data_error(path.string(), "tensor '{}': expected the name of a file beside the index, got {}", tensor,
                       file.dump());
    }
    tensors_of[file.get<std::string>()].insert(tensor);
  }
  for (const auto& [file, tensors] : tensors_of) {
    add_file(path.parent_path() / file);
    const TensorFile& added = *files_.back();
    for (const auto& name : added.names()) {
      if (!tensors.contains(name)) {
        throw data_error(added.path(), "tensor '{}' is not in the index {}", name, path.string());
      }
    }
    for (const auto& tensor : tensors) {
      if (added.find(tensor) == nullptr) {
        throw data_error(added.path(), "lacks tensor '{}', which the index {} promises", tensor, path.string());
      }
    }
  }
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  for (const auto& [name, location] : tensors_) names.push_back(name);
  return names;
}

const StoredTensor* Checkpoint::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : files_[found->second.file]->find(found->second.name);
}

at::Tensor Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw data_error(location_, "there is no tensor '{}'", name);
  return files_[found->second.file]->tensor(found->second.name);
}

at::Tensor CheckpointParameters::get(const std::string& name, const Shape& shape) {
  const std::string earlier = earlier_name(name);
  const bool by_both = checkpoint_->find(name) != nullptr && checkpoint_->find(earlier) != nullptr;
  // Fourier frequencies were written by both names for a while.
  if (by_both && at::equal(checkpoint_->tensor(name), checkpoint_->tensor(earlier))) used_.insert(earlier);
  const std::string stored = checkpoint_->find(name) != nullptr ? name : earlier;
  const StoredTensor* const entry = stored.empty() ? nullptr : checkpoint_->find(stored);
  if (entry == nullptr) {
    missing_.push_back(name);
    return at::empty({0});
  }
  used_.insert(stored);
  if (entry->shape != shape && !(!earlier.empty() && is_pointwise(entry->shape, shape))) {
    misshapen_.push_back(fmt::format("{} is {}, expected {}", stored, to_string(entry->shape), to_string(shape)));
    return at::empty({0});
  }
  return checkpoint_->tensor(stored).to(at::kFloat).reshape(shape);
}

void CheckpointParameters::require_complete() const {
  std::vector<std::string> unused;
  for (const auto& name : checkpoint_->names()) {
    if (!used_.contains(name)) unused.push_back(name);
  }
  std::vector<std::string> faults;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) faults.push_back(fmt::format("{}: {}", what, fmt::join(names, ", ")));
  };
  add("missing", missing_);
  add("of another shape", misshapen_);
  add("not part of the network", unused);
  if (const std::string prefix = prefix_of_missing(missing_, unused); !prefix.empty()) {
    throw data_error(
        checkpoint_->location(),
        "the tensors' names begin with '{}' ({} of {} that are missing are there by such a name); say so by "
        "`weights_prefix: {}` in prior.yaml",
        checkpoint_->prefix() + prefix,
        std::count_if(missing_.begin(), missing_.end(),
                      [&](const auto& name) { return checkpoint_->find(prefix + name) != nullptr; }),
        missing_.size(), checkpoint_->prefix() + prefix);
  }
  if (!faults.empty()) {
    throw data_error(checkpoint_->location(), "the tensors do not fit the config; {}", fmt::join(faults, "; "));
  }
}

}  // namespace recon
