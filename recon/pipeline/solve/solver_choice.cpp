#include "recon/pipeline/solve/solver_choice.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/config/yaml_node.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/items/measured_range.h"

namespace recon {
namespace {

std::string kind_of(const std::string& operator_config) {
  const YamlNodePtr config = parse_yaml(operator_config, {.name = "operator", .folder = {}});
  const YamlEntry* type = config->find("type");
  return type == nullptr ? "" : type->value->text;
}

/// Of several operators.
SolverChoice agreed(const std::vector<SolverChoice>& choices) {
  const auto is = [](const char* type) { return [type](const SolverChoice& choice) { return choice.type == type; }; };
  const auto any = [&](const char* type) { return std::any_of(choices.begin(), choices.end(), is(type)); };
  if (std::all_of(choices.begin(), choices.end(), is(choices.front().type.c_str()))) return choices.front();
  if (any("dps") || any("alternating_projections")) return {"dps", "of several operators some are not linear"};
  return {"diffpir", "there are several operators, all linear"};
}

SolverChoice for_one_image(const std::vector<FirstItem>& items, c10::Device device) {
  std::vector<SolverChoice> choices;
  for (const auto& [source, index] : items) {
    try {
      const auto first = [&, &from = *source, i = index] {
        const PreparedItem item = from.unchecked().prepare(i, device);
        return FirstData{item.op, item.y, item.noise.std};
      };
      choices.push_back(choose_solver(source->header().image, source->header().operator_config, first));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      log::debug("solver: {}", error.what());  // the item's fault is reported where it is solved
    }
  }
  return choices.empty() ? SolverChoice{"diffpir", "no first item can be read"} : agreed(choices);
}

}  // namespace

SolverChoice choose_solver(const TensorSpec& image, const std::string& operator_config,
                           const std::function<FirstData()>& first) {
  const bool volume = image.shape.size() == 4 && image.shape[1] > 1;
  const std::string kind = kind_of(operator_config);
  if (!volume && kind == "identity") return {"plug_and_play", "nothing but noise is to be taken away"};
  for (const char* frequencies : {"fourier", "sense", "nufft"}) {
    if (!volume && kind == frequencies) return {"plug_and_play", "frequencies are measured, some are missing"};
  }
  const auto [built, y, noise_std] = first();
  if (built->magnitude()) return {"alternating_projections", "magnitudes are measured, their phases are lost"};
  if (!built->is_linear()) return {"dps", built->name() + " is not linear"};
  if (volume) return {"diffusion_mbir", "one volume of a linear operator"};
  if (shows_bright_points(*as_linear(built, "solver: auto"), y, noise_std)) {
    return {"tv_pdhg", "bright points on an empty field, which priors of photographs do not know"};
  }
  return {"diffpir", "one image of a linear operator"};
}

bool shows_bright_points(const LinearOperator& op, const at::Tensor& y, double noise_std) {
  constexpr double brightest_part = 0.0025, least_share = 0.4, least_over_noise = 300;
  if (y.abs().max().item<double>() < least_over_noise * noise_std) return false;
  const at::Tensor ones = at::ones(op.adjoint(y).sizes(), y.options().dtype(real_dtype(y)));
  const at::Tensor image_ones =
      op.domain().scalar == ScalarKind::complex ? at::complex(ones, at::zeros_like(ones)) : ones;
  const at::Tensor light = in_window(op.normal(image_ones), op).abs();
  const at::Tensor seen = light > 0.01 * light.max();
  const at::Tensor values = image_of_data(op, y).masked_select(seen);
  if (values.numel() < 2) return false;
  const at::Tensor squares = (values - values.median()).square();
  const double all = squares.sum(at::kDouble).item<double>();
  const auto brightest = std::max<std::int64_t>(1, std::llround(brightest_part * static_cast<double>(values.numel())));
  return std::get<0>(squares.topk(brightest)).sum(at::kDouble).item<double>() > least_share * all;
}

std::string settle_solver(NamedSolver& main, nlohmann::ordered_json& resolved, const std::vector<FirstItem>& items,
                          std::int64_t samples, c10::Device device, std::set<std::string> taken) {
  if (main.solver != nullptr) return "";
  const SolverChoice choice = samples > 1 ? SolverChoice{"dps", "several samples of the posterior are asked for"}
                                          : for_one_image(items, device);
  std::string taking = fmt::format("{}: {}", choice.type, choice.reason);
  log::info("auto takes {}", taking);
  YamlOptions defaults(parse_yaml("type: " + choice.type, {.name = "solver: auto", .folder = {}}), "solver");
  main = named_solver(defaults, taken);
  resolved["solver"] = defaults.resolved();
  return taking;
}

}  // namespace recon
