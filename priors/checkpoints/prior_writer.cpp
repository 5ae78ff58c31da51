#include "priors/checkpoints/prior_writer.h"

#include <ATen/ATen.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "priors/checkpoints/safetensors.h"
#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Whole or not at all, like the weights beside it.
void write_text(const fs::path& path, const std::string& text) {
  const fs::path temporary = path.string() + ".partial";
  {
    std::ofstream file(temporary, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw data_error(path.string(), "cannot be written: {}", std::strerror(errno));
  }
  std::error_code fault;
  fs::rename(temporary, path, fault);
  if (fault) throw data_error(path.string(), "cannot be written: {}", fault.message());
}

void write_json(const fs::path& path, const json& value) { write_text(path, value.dump(2) + "\n"); }

/// diffusers' word for what the network predicts; empty where its DDPM scheduler has none.
std::string diffusers_prediction(Prediction kind) {
  if (kind == Prediction::epsilon) return "epsilon";
  if (kind == Prediction::x0) return "sample";
  return kind == Prediction::v ? "v_prediction" : "";
}

/// The betas of a table: by name where DDPMScheduler makes the same table, else all of them.
json betas_of(const TabulatedSchedule& table) {
  const auto timesteps = static_cast<std::int64_t>(table.alpha_bar.size());
  struct Named {
    const char* word;
    NoiseSchedule schedule;
    double start, end;
  };
  const std::array<Named, 4> named{{{"linear", NoiseSchedule::vp_linear(timesteps), 1e-4, 0.02},
                                    {"scaled_linear", NoiseSchedule::vp_scaled_linear(timesteps), 0.00085, 0.012},
                                    {"sigmoid", NoiseSchedule::vp_sigmoid_beta(timesteps), 1e-4, 0.02},
                                    {"squaredcos_cap_v2", NoiseSchedule::vp_cosine(timesteps), 1e-4, 0.02}}};
  for (const auto& [word, schedule, start, end] : named) {
    if (std::get<TabulatedSchedule>(schedule.kind()).alpha_bar != table.alpha_bar) continue;
    return {{"beta_schedule", word}, {"beta_start", start}, {"beta_end", end}, {"trained_betas", nullptr}};
  }
  json betas = json::array();
  double before = 1;
  for (const double alpha_bar : table.alpha_bar) {
    betas.push_back(1 - alpha_bar / before);
    before = alpha_bar;
  }
  return {{"beta_schedule", "linear"}, {"beta_start", 1e-4}, {"beta_end", 0.02}, {"trained_betas", betas}};
}

/// False where diffusers has no DDPM scheduler for this prior.
bool write_scheduler(const fs::path& folder, const NetworkPriorDescription& description, const UNet2D& network) {
  const auto* table = std::get_if<TabulatedSchedule>(&description.schedule.kind());
  const std::string prediction = diffusers_prediction(description.prediction);
  if (table == nullptr || prediction.empty()) return false;
  json config = betas_of(*table);
  config["_class_name"] = "DDPMScheduler";
  config["num_train_timesteps"] = table->alpha_bar.size();
  config["prediction_type"] = prediction;
  config["variance_type"] = "fixed_small";
  config["clip_sample"] = false;
  fs::create_directories(folder / "scheduler");
  write_json(folder / "scheduler/scheduler_config.json", config);
  // Its pipeline would feed images to all input channels.
  if (network.in_channels() != network.out_channels()) return true;
  write_json(folder / "model_index.json", {{"_class_name", "DDPMPipeline"},
                                           {"scheduler", {"diffusers", "DDPMScheduler"}},
                                           {"unet", {"diffusers", "UNet2DModel"}}});
  return true;
}

void emit_pairs(YAML::Emitter& out, const std::vector<std::pair<double, double>>& pairs) {
  out << YAML::BeginSeq;
  for (const auto& [first, second] : pairs) {
    out << YAML::Flow << std::vector<std::string>{fmt::format("{:.6g}", first), fmt::format("{:.5g}", second)};
  }
  out << YAML::EndSeq;
}

/// A process as `schedule:` of a card: a name with parameters, or the table itself.
void emit_schedule(YAML::Emitter& out, const NoiseSchedule& schedule) {
  using Numbers = std::vector<std::pair<const char*, double>>;
  struct Parameters {
    Numbers operator()(const VpContinuousSchedule& s) { return {{"beta_min", s.beta_min}, {"beta_max", s.beta_max}}; }
    Numbers operator()(const CosineContinuousSchedule& s) { return {{"offset", s.offset}}; }
    Numbers operator()(const VeGeometricSchedule& s) {
      return {{"sigma_min", s.sigma_min}, {"sigma_max", s.sigma_max}};
    }
    Numbers operator()(const EdmRhoSchedule& s) {
      return {{"sigma_min", s.sigma_min}, {"sigma_max", s.sigma_max}, {"rho", s.rho}};
    }
    Numbers operator()(const FlowSchedule&) { return {}; }
    Numbers operator()(const TabulatedSchedule&) { return {}; }
  };
  const auto* table = std::get_if<TabulatedSchedule>(&schedule.kind());
  out << YAML::Flow << YAML::BeginMap << YAML::Key << "type" << YAML::Value << (table ? "tabulated" : schedule.name());
  for (const auto& [key, value] : std::visit(Parameters{}, schedule.kind()))
    out << YAML::Key << key << YAML::Value << value;
  if (table) out << YAML::Key << "alpha_bar" << YAML::Value << table->alpha_bar;
  out << YAML::EndMap;
}

std::string card_of(const NetworkPriorDescription& description, const PriorTexts& texts, bool from_scheduler) {
  const ImageDomain& domain = description.domain;
  YAML::Emitter out;
  out.SetDoublePrecision(17);
  out << YAML::BeginMap;
  const auto entry = [&](const char* key, const auto& value) { out << YAML::Key << key << YAML::Value << value; };
  entry("name", description.name);
  if (!texts.description.empty()) entry("description", texts.description);
  entry("format", "diffusers_unet2d");
  entry("prediction", to_string(description.prediction));
  if (from_scheduler) {
    entry("schedule", "from_scheduler");
  } else {
    out << YAML::Key << "schedule" << YAML::Value;
    emit_schedule(out, description.schedule);
  }
  entry("time_input", to_string(description.time_input));
  if (description.time_scale != 1) entry("time_scale", description.time_scale);
  if (description.input_scaling) entry("input_scaling", to_string(*description.input_scaling));
  if (description.prediction == Prediction::edm) entry("sigma_data", description.sigma_data);
  out << YAML::Key << "value_range" << YAML::Value << YAML::Flow << std::vector<double>{domain.low, domain.high};
  entry("channels", domain.channels);
  if (description.symmetry != ImageSymmetry::none) entry("symmetry", to_string(description.symmetry));
  if (description.bgr) entry("channel_order", "bgr");
  entry("space_to_depth", description.space_to_depth);
  if (description.position_channels) entry("position_channels", true);
  if (domain.fixed_size.empty()) {
    entry("size", "any");
  } else {
    out << YAML::Key << "size" << YAML::Value << YAML::Flow << domain.fixed_size;
  }
  entry("multiple", domain.multiple);
  if (description.max_relative_sigma > 0) entry("max_relative_sigma", description.max_relative_sigma);
  if (description.measurement) {
    out << YAML::Key << "measurement" << YAML::Value << YAML::BeginMap;
    entry("operator", description.measurement->op);
    out << YAML::Key << "noise_std" << YAML::Value << YAML::Flow << description.measurement->noise_std << YAML::EndMap;
  }
  if (!texts.training_data.empty()) entry("training_data", texts.training_data);
  if (!texts.licence.empty()) entry("licence", texts.licence);
  if (!texts.attribution.empty()) entry("attribution", texts.attribution);
  if (!description.denoising_mse.empty()) {
    out << YAML::Key << "denoising_mse" << YAML::Value;
    emit_pairs(out, description.denoising_mse);
  }
  if (!description.power_spectrum.empty()) {
    out << YAML::Key << "power_spectrum" << YAML::Value;
    emit_pairs(out, description.power_spectrum);
  }
  out << YAML::EndMap;
  return std::string("# The card of this prior; keys are described in recon/docs/priors.md of recon.\n") + out.c_str() +
         "\n";
}

}  // namespace

void write_prior(const fs::path& folder, const NetworkPriorDescription& description, const UNet2D& network,
                 const PriorTexts& texts, at::ScalarType weight_type) {
  std::error_code fault;
  fs::create_directories(folder / "unet", fault);
  if (fault) throw data_error((folder / "unet").string(), "cannot be made: {}", fault.message());
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, value] : network.parameters()) weights[name] = value.detach().to(weight_type);
  write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", weights, {{"format", "pt"}});
  write_json(folder / "unet/config.json", unet2d_config_json(network.config()));
  const bool from_scheduler = write_scheduler(folder, description, network);
  write_text(folder / "prior.yaml", card_of(description, texts, from_scheduler));
}

}  // namespace recon
