#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "priors/checkpoints/safetensors.h"
#include "priors/networks/parameters.h"

namespace recon {

/// The named tensors of one model, in one safetensors file or in several (`*.safetensors.index.json` with its
/// weight_map, as diffusers shards them).
class Checkpoint {
 public:
  /// A file, an index, or a folder with exactly one of them; in a folder diffusion_pytorch_model.* goes first. Throws
  /// Error(data) naming the file: nothing found (saying so when there are pickle files only), several candidates, an
  /// index that names other folders, lacks tensors of its files or has tensors that they lack.
  static Checkpoint open(const std::filesystem::path& path);

  const std::string& place() const { return place_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }
  std::vector<std::string> names() const;
  const SafetensorsEntry* find(const std::string& name) const;  ///< null when there is none
  at::Tensor tensor(const std::string& name) const;  ///< a copy in the stored type; throws when there is none

 private:
  explicit Checkpoint(std::string place) : place_(std::move(place)) {}
  void add_file(const std::filesystem::path& path);
  void add_index(const std::filesystem::path& path);

  std::string place_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, std::size_t> file_of_;
};

/// A checkpoint as the source of a network's parameters, converted to float32.
///
/// Attention parameters are found under today's names (to_q to_k to_v to_out.0) and under those of diffusers before
/// 0.12 (query key value proj_attn), as matrices or as 1x1 convolutions. Faults are collected while the network is
/// built, so that one message names them all.
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
