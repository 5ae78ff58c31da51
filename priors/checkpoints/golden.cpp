#include "priors/checkpoints/golden.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <limits>

#include "priors/checkpoints/load_network.h"
#include "priors/checkpoints/safetensors.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Infinite where ours is not finite, or where zeros were recorded and ours are not.
double relative_error(const at::Tensor& ours, const at::Tensor& recorded) {
  const double difference = (ours - recorded).abs().max().item<double>();
  const double scale = recorded.abs().max().item<double>();
  if (difference == 0) return 0;
  const double error = difference / scale;
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

at::Tensor recorded(const SafetensorsFile& file, const char* name, const Shape& shape) {
  at::Tensor tensor = file.tensor(name).to(at::kFloat);
  if (tensor.sizes() != at::IntArrayRef(shape)) {
    throw data_error(file.path(), "tensor '{}': expected shape {}, got {}", name, to_string(shape),
                     to_string(tensor.sizes().vec()));
  }
  return tensor;
}

void require_known(const SafetensorsFile& file) {
  static constexpr std::array kKnown{"x", "t", "out", "v", "vjp"};
  for (const auto& entry : file.entries()) {
    if (std::find(kKnown.begin(), kKnown.end(), entry.name) == kKnown.end()) {
      throw data_error(file.path(), "unknown tensor '{}'; a record holds x, t, out, and may hold v and vjp",
                       entry.name);
    }
  }
  if ((file.find("v") == nullptr) != (file.find("vjp") == nullptr)) {
    throw data_error(file.path(), "v and vjp go together, one of them is missing");
  }
}

}  // namespace

double GoldenReport::largest_error() const { return std::max(output_error, vjp_error.value_or(0)); }

GoldenReport check_golden(const std::filesystem::path& prior_folder, const std::filesystem::path& file) {
  const auto network = load_network(PriorSources(prior_folder));
  const SafetensorsFile record(file);
  require_known(record);
  const Shape given = record.tensor("x").sizes().vec();
  const std::int64_t multiple = network->size_multiple();
  if (given.size() != 4 || given[0] < 1 || given[1] != network->in_channels() || given[2] < 1 || given[3] < 1 ||
      given[2] % multiple != 0 || given[3] % multiple != 0) {
    throw data_error(record.path(), "tensor 'x': expected [B, {}, H, W] with H and W multiples of {}, got {}",
                     network->in_channels(), multiple, to_string(given));
  }
  const bool with_vjp = record.find("vjp") != nullptr;
  const Shape out_shape{given[0], network->out_channels(), given[2], given[3]};
  const at::Tensor x = recorded(record, "x", given).requires_grad_(with_vjp);
  const at::Tensor t = recorded(record, "t", {given[0]});
  const c10::AutoGradMode gradients(with_vjp);
  const at::Tensor out = network->forward(x, t);
  GoldenReport report{.items = given[0],
                      .output_error = relative_error(out.detach(), recorded(record, "out", out_shape)),
                      .vjp_error = std::nullopt};
  if (with_vjp) {
    const at::Tensor vjp = torch::autograd::grad({out}, {x}, {recorded(record, "v", out_shape)})[0];
    report.vjp_error = relative_error(vjp, recorded(record, "vjp", given));
  }
  return report;
}

}  // namespace recon
