#include "priors/checkpoints/torch_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kZip = "PK\x03\x04";
constexpr std::size_t kTarMagicAt = 257;

bool is_tar(std::string_view bytes) {
  return bytes.size() > kTarMagicAt + 5 && bytes.substr(kTarMagicAt, 5) == "ustar";
}

/// The archive's bytes, or the error for what is no archive.
std::string_view require_zip(std::string_view bytes, const std::string& path) {
  if (bytes.starts_with(kZip)) return bytes;
  if (TorchFile::looks_like_torch(bytes)) {
    throw data_error(
        path,
        "a bare pickle or the format of torch.save before PyTorch 1.6, which is not read. Convert it, in "
        "Python: torch.save(torch.load(FILE, weights_only=True), NEW_FILE). Pickles of whole models (EDM's "
        "*.pkl) are programs: load them where you trust them and save the weights alone, "
        "safetensors.torch.save_file(net.model.state_dict(), NEW_FILE)");
  }
  throw data_error(path, "neither a zip archive of torch.save nor a safetensors file");
}

/// Keys of a dict with what they hold, for messages.
std::string listed(const Pickle& pickle, const PickleDict& dict) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> words;
  for (const auto& [key, value] : dict.items) {
    if (words.size() == kShown)
      return fmt::format("{} and {} more", fmt::join(words, ", "), dict.items.size() - kShown);
    const auto* const name = std::get_if<std::string>(&pickle[key]);
    words.push_back(
        fmt::format("'{}' ({})", name ? name->substr(0, 100) : kind_of(pickle[key]), kind_of(pickle[value])));
  }
  return words.empty() ? "nothing" : fmt::format("{}", fmt::join(words, ", "));
}

PickleRef value_at(const Pickle& pickle, const std::vector<std::string>& keys, const std::string& location) {
  PickleRef at = pickle.root;
  std::string where = "the file";
  for (const std::string& key : keys) {
    const auto* const dict = std::get_if<PickleDict>(&pickle[at]);
    if (dict == nullptr)
      throw data_error(location, "{} holds {}, expected a dict of tensors", where, kind_of(pickle[at]));
    const auto found = std::find_if(dict->items.begin(), dict->items.end(), [&](const auto& item) {
      const auto* const name = std::get_if<std::string>(&pickle[item.first]);
      return name != nullptr && *name == key;
    });
    if (found == dict->items.end()) {
      throw data_error(location, "`weights_key`: {} has no '{}'; it holds {}", where, key, listed(pickle, *dict));
    }
    at = found->second;
    where = "'" + key + "'";
  }
  return at;
}

using NamedTorchTensors = std::vector<std::pair<std::string, TorchTensor>>;

/// In the order of the file.
NamedTorchTensors tensors_of(const Pickle& pickle, PickleRef at, const std::vector<std::string>& keys,
                             const std::string& location) {
  const auto* const dict = std::get_if<PickleDict>(&pickle[at]);
  if (dict == nullptr) {
    throw data_error(location, "{} holds {}, expected a dict of tensors",
                     keys.empty() ? "the file" : "'" + keys.back() + "'", kind_of(pickle[at]));
  }
  NamedTorchTensors tensors;
  for (const auto& [key, value] : dict->items) {
    const auto* const name = std::get_if<std::string>(&pickle[key]);
    const auto* const tensor = std::get_if<TorchTensor>(&pickle[value]);
    if (name == nullptr || tensor == nullptr) {
      throw data_error(location,
                       "expected names and tensors only, got {}; weights that lie deeper are chosen by "
                       "`weights_key: NAME` in prior.yaml",
                       listed(pickle, *dict));
    }
    tensors.emplace_back(*name, *tensor);
  }
  return tensors;
}

/// What score_sde does not train: the noise levels and the Fourier frequencies.
bool is_frozen(const std::string& name) { return name.ends_with("sigmas") || name.ends_with("all_modules.0.W"); }

/// A list of averages has no names. They are those of the trained tensors of `model`, in its order.
NamedTorchTensors named_averages(const Pickle& pickle, const PickleSequence& list, const std::string& location) {
  NamedTorchTensors tensors = tensors_of(pickle, value_at(pickle, {"model"}, location), {"model"}, location);
  const auto trained = static_cast<std::size_t>(
      std::count_if(tensors.begin(), tensors.end(), [](const auto& entry) { return !is_frozen(entry.first); }));
  if (trained != list.items.size()) {
    throw data_error(location, "`weights_key` leads to a list of {} values, expected {}: the tensors of 'model'",
                     list.items.size(), trained);
  }
  auto next = list.items.begin();
  for (auto& [name, tensor] : tensors) {
    if (is_frozen(name)) continue;
    const auto* const average = std::get_if<TorchTensor>(&pickle[*next++]);
    if (average == nullptr || average->shape != tensor.shape) {
      throw data_error(location, "`weights_key` leads to a list with {} where 'model' has {}, a tensor of {}",
                       average == nullptr ? "something else" : "a tensor of " + to_string(average->shape), name,
                       to_string(tensor.shape));
    }
    tensor = *average;
  }
  return tensors;
}

/// Views of one storage may be equal (tied weights) or apart.
void refuse_overlaps(const std::map<std::string, TorchTensor>& tensors, const std::string& location) {
  struct Range {
    std::int64_t begin, end;
    const std::string* name;
    const TorchTensor* tensor;
  };
  std::map<std::string, std::vector<Range>> of_storage;
  for (const auto& [name, tensor] : tensors) {
    std::int64_t last = 0;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) last += (tensor.shape[i] - 1) * tensor.strides[i];
    const bool empty = std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end();
    if (!empty) of_storage[tensor.storage.key].push_back({tensor.offset, tensor.offset + last + 1, &name, &tensor});
  }
  for (auto& [key, ranges] : of_storage) {
    std::sort(ranges.begin(), ranges.end(),
              [](const Range& a, const Range& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      const Range &a = ranges[i - 1], &b = ranges[i];
      const bool same =
          a.begin == b.begin && a.tensor->shape == b.tensor->shape && a.tensor->strides == b.tensor->strides;
      if (b.begin < a.end && !same)
        throw data_error(location, "tensors '{}' and '{}' overlap in storage '{}'", *a.name, *b.name, key);
      if (a.tensor->storage.dtype != b.tensor->storage.dtype || a.tensor->storage.numel != b.tensor->storage.numel) {
        throw data_error(location, "tensors '{}' and '{}' disagree about the type or size of storage '{}'", *a.name,
                         *b.name, key);
      }
    }
  }
}

/// The folder that the archive's entries lie in: that of the one data.pkl.
std::string root_of(const ZipArchive& archive, const std::string& path) {
  std::vector<std::string> roots;
  for (const auto& name : archive.names()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) continue;
    if (name.substr(slash) == "/data.pkl") roots.push_back(name.substr(0, slash + 1));
    if (name.substr(slash) == "/archive_format") {
      throw data_error(path, "an exported network, not a state dict; see `architecture: exported`");
    }
  }
  if (roots.size() != 1) {
    throw data_error(path, "expected a zip archive with one NAME/data.pkl, as torch.save writes it, got {} of them",
                     roots.size());
  }
  if (archive.contains(roots.front() + "constants.pkl")) {
    throw data_error(path, "a TorchScript module, not a state dict: it is a program, see `architecture: torchscript`");
  }
  return roots.front();
}

}  // namespace

std::map<std::string, TorchTensor> state_dict_of(const Pickle& pickle, const std::vector<std::string>& keys,
                                                 const std::string& location) {
  const PickleRef at = value_at(pickle, keys, location);
  const auto* const list = std::get_if<PickleSequence>(&pickle[at]);
  std::map<std::string, TorchTensor> tensors;
  for (auto& [name, tensor] :
       list != nullptr ? named_averages(pickle, *list, location) : tensors_of(pickle, at, keys, location)) {
    if (!tensors.emplace(name, tensor).second) throw data_error(location, "tensor '{}' is there twice", name);
  }
  if (tensors.empty()) throw data_error(location, "there are no tensors");
  refuse_overlaps(tensors, location);
  return tensors;
}

bool TorchFile::looks_like_torch(std::string_view bytes) {
  // A safetensors file begins with the length of its JSON, which may begin as a pickle does.
  const bool json = bytes.size() > 8 && bytes[8] == '{';
  return !json && (bytes.starts_with(kZip) || bytes.starts_with('\x80') || is_tar(bytes));
}

TorchFile::TorchFile(const fs::path& path, const std::vector<std::string>& keys)
    : path_(path.string()),
      file_(path),
      archive_(require_zip(file_.bytes(), path_), path_),
      root_(root_of(archive_, path_)) {
  const std::string byte_order = root_ + "byteorder";
  if (archive_.contains(byte_order) && read_text(byte_order, 100) != "little") {
    throw data_error(path_, "expected little-endian storages, got '{}'", read_text(byte_order, 100));
  }
  const std::string pickle_name = root_ + "data.pkl";
  const std::string location = path_ + " " + pickle_name;
  const Pickle pickle = unpickle(read_text(pickle_name, kMaxPickleBytes), location);
  for (auto& [name, view] : state_dict_of(pickle, keys, location)) {
    check_storage(view.storage);
    entries_[name] = {{name, view.storage.dtype, view.shape}, view};
  }
}

std::string TorchFile::read_text(const std::string& entry, std::size_t limit) const {
  const std::uint64_t bytes = archive_.size(entry);
  if (bytes > limit) throw data_error(path_, "zip entry '{}': {} bytes, limit {}", entry, bytes, limit);
  std::string text(bytes, '\0');
  archive_.read(entry, text.data());
  return text;
}

void TorchFile::check_storage(const TorchStorage& storage) const {
  const std::string entry = root_ + "data/" + storage.key;
  std::int64_t wanted = 0;
  const auto element = static_cast<std::int64_t>(c10::elementSize(storage.dtype));
  const bool countable = !__builtin_mul_overflow(storage.numel, element, &wanted);
  if (!countable || archive_.size(entry) != static_cast<std::uint64_t>(wanted)) {
    throw data_error(path_, "storage '{}': {} elements of {} are promised, the zip entry has {} bytes", storage.key,
                     storage.numel, c10::toString(storage.dtype), archive_.size(entry));
  }
}

std::vector<std::string> TorchFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

const StoredTensor* TorchFile::find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second.stored;
}

at::Tensor TorchFile::tensor(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw data_error(path_, "there is no tensor '{}'", name);
  const TorchTensor& view = found->second.view;
  const at::Tensor storage = at::empty({view.storage.numel}, at::TensorOptions().dtype(view.storage.dtype));
  archive_.read(root_ + "data/" + view.storage.key, static_cast<char*>(storage.data_ptr()));
  const at::Tensor part = storage.as_strided(view.shape, view.strides, view.offset);
  // A part must not keep the whole alive.
  return part.numel() == view.storage.numel ? part.contiguous() : part.clone(at::MemoryFormat::Contiguous);
}

}  // namespace recon
