#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "priors/checkpoints/tensor_file.h"
#include "priors/checkpoints/weights_selection.h"
#include "priors/networks/parameters.h"

namespace recon {

/// The named tensors of one model, in one file (safetensors, or a state dict of torch.save), or in several
/// (`*.safetensors.index.json` with its weight_map, as diffusers shards them).
class Checkpoint {
 public:
  /// A file, an index, or a folder with exactly one of them; in a folder diffusion_pytorch_model.* goes first, and
  /// safetensors before *.pt, *.pth and *.bin. Which format a file has is seen by its content. Throws Error(data)
  /// naming the file: nothing found, several candidates, an index that names other folders, lacks tensors of its files
  /// or has tensors that they lack, nothing with the prefix.
  static Checkpoint open(const std::filesystem::path& path, const WeightsSelection& selection = {});

  const std::string& location() const { return location_; }
  const std::string& prefix() const { return selection_.prefix; }
  const std::vector<std::unique_ptr<const TensorFile>>& files() const { return files_; }
  std::vector<std::string> names() const;                   ///< without the prefix
  const StoredTensor* find(const std::string& name) const;  ///< null when there is none
  at::Tensor tensor(const std::string& name) const;         ///< a copy in the stored type; throws when there is none

 private:
  struct Location {
    std::size_t file = 0;
    std::string name;  ///< there
  };
  Checkpoint(std::string location, WeightsSelection selection)
      : location_(std::move(location)), selection_(std::move(selection)) {}
  void add_file(const std::filesystem::path& path);
  void add_index(const std::filesystem::path& path);

  std::string location_;
  WeightsSelection selection_;
  std::vector<std::unique_ptr<const TensorFile>> files_;
  std::map<std::string, Location> tensors_;
};

/// A checkpoint as the source of a network's parameters, converted to float32.
///
/// Attention parameters are found under today's names (to_q to_k to_v to_out.0) and under those of diffusers before
/// 0.12 (query key value proj_attn), as matrices or as 1x1 convolutions; Fourier frequencies as `time_proj.weight`, as
/// `time_proj.W`, or as both where they are equal (the files of NCSN++ were converted so). Faults are collected while
/// the network is built, so that one message names them all.
class CheckpointParameters final : public ParameterSource {
 public:
  explicit CheckpointParameters(const Checkpoint& checkpoint) : checkpoint_(&checkpoint) {}

  /// An empty tensor where the checkpoint has none that fits: call require_complete() before using the network.
  at::Tensor get(const std::string& name, const Shape& shape) override;
  /// Throws Error(data) listing tensors that are missing, of another shape, or that nobody asked for.
  void require_complete() const;

 private:
  const Checkpoint* checkpoint_;
  std::set<std::string> used_;
  std::vector<std::string> missing_, misshapen_;
};

}  // namespace recon
