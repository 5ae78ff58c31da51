#include "priors/networks/torchscript_network.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "priors/mapped_file.h"
#include "recon/core/error.h"

namespace recon {
namespace {

class TorchScriptNetwork final : public Network {
 public:
  TorchScriptNetwork(torch::jit::Module module, const ProgramConfig& config, std::string location)
      : module_(std::move(module)), config_(config), location_(std::move(location)) {
    module_.eval();
    for (const auto& parameter : module_.named_parameters()) {
      parameter.value.set_requires_grad(false);
      parameters_.push_back({parameter.name, parameter.value});
    }
    if (parameters_.empty()) throw data_error(location_, "a TorchScript module without parameters");
  }

  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const override {
    require_network_input(*this, x, t, "TorchScriptNetwork::forward");
    at::Tensor out;
    try {
      out = module_.get_method("forward")({x, t}).toTensor();
    } catch (const std::exception& error) {
      throw data_error(location_, "the module's forward(x, t) fails for x of {}: {}", to_string(x.sizes().vec()),
                       error.what());
    }
    const Shape wanted{x.size(0), out_channels(), x.size(2), x.size(3)};
    if (out.sizes() != at::IntArrayRef(wanted) || out.scalar_type() != at::kFloat) {
      throw data_error(location_, "the module's forward(x, t) gave {} {}, expected float32 {}",
                       c10::toString(out.scalar_type()), to_string(out.sizes().vec()), to_string(wanted));
    }
    return out;
  }

  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.out_channels(); }
  std::int64_t size_multiple() const override { return config_.size_multiple; }
  bool is_convolutional() const override { return false; }  // a program, whose sizes may be written in it
  bool is_recordable() const override { return false; }
  std::shared_ptr<const Network> to(c10::Device device) const override {
    torch::jit::Module copy = module_.deepcopy();
    copy.to(device);
    return std::make_shared<const TorchScriptNetwork>(std::move(copy), config_, location_);
  }

 private:
  torch::jit::Module module_;
  ProgramConfig config_;
  std::string location_;
};

torch::jit::Module loaded(const std::string& file) {
  try {
    return torch::jit::load(file, c10::Device(c10::kCPU));
  } catch (const std::exception& error) {
    const std::string text = error.what();
    throw data_error(file, "not a TorchScript module of torch.jit.save: {}", text.substr(0, text.find('\n')));
  }
}

}  // namespace

std::shared_ptr<const Network> load_torchscript(const std::filesystem::path& file, const ProgramConfig& config) {
  const MappedFile sound(file);  // it is there, and no Git LFS pointer
  torch::jit::Module module = loaded(file.string());
  if (!module.find_method("forward")) throw data_error(file.string(), "the module has no forward(x, t)");
  return std::make_shared<const TorchScriptNetwork>(std::move(module), config, file.string());
}

}  // namespace recon
