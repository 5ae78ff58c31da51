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

const SolverChoice one_linear = {"plug_and_play", "one image of a linear operator"};

/// The pixels, `[1, C, H, W]`, of which a white image sends more than a hundredth of the most to the data.
at::Tensor seen_by(const LinearOperator& op, const at::Tensor& y) {
  Shape shape = op.domain().shape;
  shape.insert(shape.begin(), 1);
  const at::Tensor ones = at::ones(shape, y.options().dtype(real_dtype(y)));
  const at::Tensor white = op.domain().scalar == ScalarKind::complex ? at::complex(ones, at::zeros_like(ones)) : ones;
  const at::Tensor light = in_window(op.normal(white), op).abs();
  return light > 0.01 * light.max();
}

/// Of several operators.
SolverChoice agreed(const std::vector<SolverChoice>& choices) {
  const auto is = [](const char* type) { return [type](const SolverChoice& choice) { return choice.type == type; }; };
  const auto any = [&](const char* type) { return std::any_of(choices.begin(), choices.end(), is(type)); };
  if (std::all_of(choices.begin(), choices.end(), is(choices.front().type.c_str()))) return choices.front();
  if (any("dps") || any("alternating_projections")) return {"dps", "of several operators some are not linear"};
  return {"plug_and_play", "there are several operators, all linear"};
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
  return choices.empty() ? SolverChoice{"plug_and_play", "no first item can be read"} : agreed(choices);
}

}  // namespace

SolverChoice choose_solver(const TensorSpec& image, const std::string& operator_config,
                           const std::function<FirstData()>& first) {
  const bool volume = image.shape.size() == 4 && image.shape[1] > 1;
  const std::string kind = kind_of(operator_config);
  if (kind == "demosaicing") return {"diffpir", "of each pixel two of three colours are not measured"};
  // Coil maps may have to be estimated for the operator, and neither stars nor holes are to be looked for.
  for (const char* no_question : {"identity", "fourier", "sense", "nufft"}) {
    if (!volume && kind == no_question) return one_linear;
  }
  const auto [built, y, noise_std] = first();
  if (built->magnitude()) {
    return {image.scalar == ScalarKind::real ? "diffusion_raar" : "alternating_projections",
            "magnitudes are measured, their phases are lost"};
  }
  if (!built->is_linear()) return {"dps", built->name() + " is not linear"};
  if (volume) return {"diffusion_mbir", "one volume of a linear operator"};
  const LinearOperatorPtr op = as_linear(built, "solver: auto");
  if (shows_bright_points(*op, y, noise_std)) {
    return {"tv_pdhg", "bright points on an empty field, which priors of photographs do not know"};
  }
  if (leaves_wide_hole(*op, y)) return {"diffpir", "a wide part of the image is not measured"};
  return one_linear;
}

bool leaves_wide_hole(const LinearOperator& op, const at::Tensor& y) {
  constexpr std::int64_t side = 9;
  const at::Tensor seen = seen_by(op, y).amax(1).flatten(0, -3).to(at::kFloat);
  if (seen.size(-2) < side || seen.size(-1) < side) return false;
  return at::max_pool2d(seen, {side, side}, {1, 1}).eq(0).any().item<bool>();
}

bool shows_bright_points(const LinearOperator& op, const at::Tensor& y, double noise_std) {
  constexpr double brightest_part = 0.0025, least_share = 0.4, least_over_noise = 150;
  if (y.abs().max().item<double>() < least_over_noise * noise_std) return false;
  const at::Tensor values = image_of_data(op, y).masked_select(seen_by(op, y));
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
