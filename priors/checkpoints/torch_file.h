#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "priors/checkpoints/pickle.h"
#include "priors/checkpoints/tensor_file.h"
#include "priors/mapped_file.h"
#include "priors/zip_archive.h"

namespace recon {

/// The tensors of a state dict in a pickle: the dict at its root, or the one that a path of keys leads to
/// ({"ema", "model"} for {"ema": {"model": {...}}}). Where they lead to a list, as {"ema", "shadow_params"} in files of
/// score_sde, its tensors stand for those of the dict `model` at the root, in its order and but for what is not trained
/// (`sigmas`, `all_modules.0.W`). Throws Error(data) at `location`: a key that is not there (naming those that are), an
/// entry that is not a tensor, a name that is there twice, a list that does not fit `model`, tensors that overlap in
/// their storage without being the same view.
std::map<std::string, TorchTensor> state_dict_of(const Pickle& pickle, const std::vector<std::string>& keys,
                                                 const std::string& location);

/// A state dict that torch.save wrote (PyTorch 1.6 and later): a zip archive with `NAME/data.pkl`, see unpickle(), and
/// a stored entry `NAME/data/KEY` per storage, little-endian. Nothing of the file is ever run, and what it claims is
/// checked against its size before memory is taken. Memory-mapped; weights are copied one by one.
///
/// Throws Error(data) naming the file for anything else; for files of torch.save before 1.6 (tar, bare pickle) it says
/// how to convert them.
class TorchFile final : public TensorFile {
 public:
  explicit TorchFile(const std::filesystem::path& path, const std::vector<std::string>& keys = {});

  /// True for what begins as zip, tar or pickle: files that are not safetensors.
  static bool looks_like_torch(std::string_view bytes);

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;
  const StoredTensor* find(const std::string& name) const override;
  at::Tensor tensor(const std::string& name) const override;

 private:
  struct Entry {
    StoredTensor stored;
    TorchTensor view;
  };
  std::string read_text(const std::string& entry, std::size_t limit) const;
  void check_storage(const TorchStorage& storage) const;

  std::string path_;
  MappedFile file_;
  ZipArchive archive_;
  std::string root_;  ///< "NAME/"
  std::map<std::string, Entry> entries_;
};

}  // namespace recon
