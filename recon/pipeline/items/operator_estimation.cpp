#include "recon/pipeline/items/operator_estimation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "operators/blur/blur_estimation.h"
#include "recon/config/yaml_options.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

constexpr const char* estimate_word = "estimate";
constexpr std::int64_t kMostEstimatedFrom = 16;

bool left_to_the_data(const YamlNode& node) {
  return node.kind == YamlNode::Kind::scalar && node.text == estimate_word;
}

/// Standard deviation of white noise with the power of the one at hand; none: not stated.
std::optional<double> white_std(const Noise& noise, const at::Tensor& y) {
  const double std = noise.std.empty() ? 0 : noise.std.front();
  if (!noise.counts_photons()) return std > 0 ? std::optional(std) : std::nullopt;
  return std::sqrt(std * std + y.mean().clamp_min(0).item<double>() / noise.peak);
}

constexpr KernelShape estimable_shapes[] = {KernelShape::gaussian, KernelShape::disk, KernelShape::motion};

/// What the config says of the kernel beside what it leaves open.
BlurKernel stated_kernel(const YamlNode& op) {
  auto stated = std::make_shared<YamlNode>(op);
  std::erase_if(stated->entries, [](const YamlEntry& entry) { return left_to_the_data(*entry.value); });
  BlurKernel kernel;
  YamlOptions options(stated, "operator", YamlOptions::Mode::check);
  kernel.visit(options);
  return kernel;
}

/// The best of all shapes, whose numbers are all left to the data.
BlurEstimate best_shape(const at::Tensor& y, std::optional<double> noise_std, const std::string& path) {
  constexpr double hardly_apart = 3;  // nats: odds of 20
  std::optional<BlurEstimate> best;
  double second = std::numeric_limits<double>::infinity();
  std::string faults, costs;
  for (const KernelShape shape : estimable_shapes) {
    BlurKernel form;
    form.shape = shape;
    try {
      const BlurEstimate found = estimate_blur(y, form, estimable_options(shape), noise_std, path);
      costs += fmt::format("{}{} {:.1f}", costs.empty() ? "" : ", ", to_string(shape), found.cost);
      second = std::min(second, best ? std::max(found.cost, best->cost) : second);
      if (!best || found.cost < best->cost) best = found;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      faults += fmt::format("\n  {}: {}", to_string(shape), error.what());
    }
  }
  if (!best) throw data_error(path, "the data show no blur of any shape:{}", faults);
  log::info("{}: shape {} (nats, the least is the best: {})", path, to_string(best->kernel.shape), costs);
  if (second - best->cost < hardly_apart) {
    log::warn("{}: the data hardly tell the shapes apart; if you know the blur's, say `shape`", path);
  }
  return *best;
}

/// `op` with the value under a key.
YamlNodePtr with_text(const YamlNodePtr& op, const std::string& key, const std::string& text) {
  auto value = std::make_shared<YamlNode>();
  value->kind = YamlNode::Kind::scalar;
  value->text = text;
  value->location = op->location;
  value->folder = op->folder;
  return with_value(op, key, value);
}

}  // namespace

YamlNodePtr with_estimates(const YamlNodePtr& op, std::int64_t count,
                           const std::function<at::Tensor(std::int64_t index)>& measurement, const Noise& noise,
                           const std::string& path) {
  std::vector<std::string> unknown;
  std::string location;
  for (const auto& entry : op->entries) {
    if (!left_to_the_data(*entry.value)) continue;
    unknown.push_back(entry.key);
    location = entry.location;
  }
  if (unknown.empty()) return op;
  const YamlEntry* const type = op->find("type");
  if (type == nullptr || type->value->text != "blur") {
    throw usage_error(location, "'{}: {}': only the kernel of an operator of type blur can be estimated from the data",
                      unknown.front(), estimate_word);
  }
  const bool any_shape = unknown == std::vector<std::string>{"shape"};
  const BlurKernel kernel = stated_kernel(*op);
  if (!any_shape) {
    for (const auto& name : unknown) require_estimable(kernel.shape, name, location);
  }
  std::vector<at::Tensor> first;
  for (std::int64_t i = 0; i < std::min(count, kMostEstimatedFrom); ++i) first.push_back(measurement(i));
  const at::Tensor y = at::stack(first);
  const std::optional<double> noise_std = white_std(noise, y);
  const BlurEstimate found =
      any_shape ? best_shape(y, noise_std, path) : estimate_blur(y, kernel, unknown, noise_std, path);
  YamlNodePtr result = any_shape ? with_text(op, "shape", to_string(found.kernel.shape)) : op;
  std::string said;
  for (const auto& option : found.options) {
    const double rounded = std::round(option.value * 1000) / 1000;
    result = with_text(result, option.name, fmt::format("{}", rounded));
    said += fmt::format("{}{} {:.4g} ± {:.2g}", said.empty() ? "" : ", ", option.name, rounded, option.standard_error);
  }
  log::info("{}: {}: found from the data", path, said);
  return result;
}

}  // namespace recon
