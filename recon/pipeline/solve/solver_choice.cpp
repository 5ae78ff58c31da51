#include "recon/pipeline/solve/solver_choice.h"

#include <algorithm>

#include "recon/config/yaml_node.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

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
      const auto op = [&, &from = *source, i = index] { return from.unchecked().prepare(i, device).op; };
      choices.push_back(choose_solver(source->header().image, source->header().operator_config, op));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      log::debug("solver: {}", error.what());  // the item's fault is reported where it is solved
    }
  }
  return choices.empty() ? SolverChoice{"diffpir", "no first item can be read"} : agreed(choices);
}

}  // namespace

SolverChoice choose_solver(const TensorSpec& image, const std::string& operator_config,
                           const std::function<OperatorPtr()>& op) {
  const bool volume = image.shape.size() == 4 && image.shape[1] > 1;
  const std::string kind = kind_of(operator_config);
  if (!volume && kind == "identity") return {"plug_and_play", "nothing but noise is to be taken away"};
  for (const char* frequencies : {"fourier", "sense", "nufft"}) {
    if (!volume && kind == frequencies) return {"plug_and_play", "frequencies are measured, some are missing"};
  }
  const OperatorPtr built = op();
  if (built->magnitude()) return {"alternating_projections", "magnitudes are measured, their phases are lost"};
  if (!built->is_linear()) return {"dps", built->name() + " is not linear"};
  if (volume) return {"diffusion_mbir", "one volume of a linear operator"};
  return {"diffpir", "one image of a linear operator"};
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
