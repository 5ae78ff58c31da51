#include "priors/networks/exported_network.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "priors/networks/exported_archive.h"
#include "priors/networks/exported_program.h"
#include "recon/core/error.h"

namespace recon {
namespace {

class ExportedNetwork final : public Network {
 public:
  ExportedNetwork(const ExportedGraph& graph, const ProgramConfig& config, std::string location)
      : config_(config),
        location_(std::move(location)),
        sizes_(graph.x_sizes),
        program_(std::make_shared<const ExportedProgram>(graph)) {
    for (const GraphWeight& weight : graph.weights) {
      weights_.push_back({.tensor = weight.tensor});
      if (weight.is_parameter) parameters_.push_back({weight.name, weight.tensor});
    }
    if (parameters_.empty()) throw data_error(location_, "an exported network without parameters");
    check_sizes();
  }
  ExportedNetwork(const ExportedNetwork& other, c10::Device device)
      : config_(other.config_), location_(other.location_), sizes_(other.sizes_), program_(other.program_) {
    for (const ExportedWeight& weight : other.weights_) {
      weights_.push_back({.tensor = weight.tensor.to(device, weight.tensor.scalar_type(), false, true)});
    }
    for (const auto& [name, value] : other.parameters_) {
      const auto at = std::find_if(other.weights_.begin(), other.weights_.end(),
                                   [&value = value](const ExportedWeight& one) { return one.tensor.is_same(value); });
      parameters_.push_back({name, weights_[static_cast<std::size_t>(at - other.weights_.begin())].tensor});
    }
  }

  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const override {
    require_network_input(*this, x, t, "ExportedNetwork::forward");
    constexpr std::array kSides{"height", "width"};
    for (std::size_t side = 0; side < kSides.size(); ++side) {
      const auto [min, max] = sizes_[side + 2];
      const std::int64_t got = x.size(static_cast<std::int64_t>(side) + 2);
      if (got < min || got > max) {
        throw data_error(location_,
                         "was exported for a {} of {}, got {}; say `size` in the card, or export it with dynamic sizes",
                         kSides[side], min == max ? std::to_string(min) : fmt::format("{} to {}", min, max), got);
      }
    }
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < x.size(0); first += sizes_[0].max) {
      const std::int64_t count = std::min(sizes_[0].max, x.size(0) - first);
      parts.push_back(part(x.narrow(0, first, count), t.narrow(0, first, count)));
    }
    return parts.size() == 1 ? parts.front() : at::cat(parts);
  }

  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.out_channels(); }
  std::int64_t size_multiple() const override { return config_.size_multiple; }
  bool is_convolutional() const override { return false; }  // a graph, in which sizes may be written
  std::shared_ptr<const Network> to(c10::Device device) const override {
    return std::make_shared<const ExportedNetwork>(*this, device);
  }

 private:
  void check_sizes() const {
    const SizeRange batch = sizes_[0], channels = sizes_[1];
    if (batch.min > 1 || batch.max < 1) {
      throw data_error(location_,
                       "was exported for batches of {}; export it with a dynamic batch, or with a batch of 1",
                       batch.min == batch.max ? std::to_string(batch.min) : fmt::format("at least {}", batch.min));
    }
    if (config_.in_channels < channels.min || config_.in_channels > channels.max) {
      throw data_error(location_, "was exported for {} channels, the card says `in_channels: {}`", channels.min,
                       config_.in_channels);
    }
  }

  at::Tensor part(const at::Tensor& x, const at::Tensor& t) const {
    const at::Tensor out = program_->run(x, t, weights_);
    const Shape wanted{x.size(0), out_channels(), x.size(2), x.size(3)};
    if (!out.defined() || out.sizes() != at::IntArrayRef(wanted)) {
      throw data_error(location_, "gave {}, expected float32 {}",
                       out.defined() ? to_string(out.sizes().vec()) : "nothing", to_string(wanted));
    }
    return out.to(at::kFloat).contiguous();
  }

  ProgramConfig config_;
  std::string location_;
  std::vector<SizeRange> sizes_;
  std::shared_ptr<const ExportedProgram> program_;
  std::vector<ExportedWeight> weights_;  ///< in the order of the program's
};

}  // namespace

std::shared_ptr<const Network> load_exported(const std::filesystem::path& file, const ProgramConfig& config) {
  return std::make_shared<const ExportedNetwork>(read_exported_archive(file), config, file.string());
}

}  // namespace recon
