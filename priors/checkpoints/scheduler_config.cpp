#include "priors/checkpoints/scheduler_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "priors/json_fields.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kMaxTimesteps = 1'000'000;

NoiseSchedule read_schedule(JsonFields& fields) {
  std::int64_t timesteps = 1000;
  double beta_start = 1e-4, beta_end = 0.02;
  std::string kind = "linear";
  bool zero_snr = false;
  fields.read("num_train_timesteps", timesteps);
  fields.read("beta_start", beta_start);
  fields.read("beta_end", beta_end);
  fields.read("beta_schedule", kind);
  fields.read("rescale_betas_zero_snr", zero_snr);
  if (zero_snr) {
    throw data_error(fields.location(),
                     "'rescale_betas_zero_snr': true is not supported: its last level has no signal");
  }
  if (timesteps < 1 || timesteps > kMaxTimesteps) {
    throw data_error(fields.location(), "'num_train_timesteps': expected 1..{}, got {}", kMaxTimesteps, timesteps);
  }
  if (!fields.take("trained_betas").is_null()) {
    std::vector<double> betas;
    fields.read("trained_betas", betas);
    if (static_cast<std::int64_t>(betas.size()) != timesteps) {
      throw data_error(fields.location(), "'trained_betas': expected num_train_timesteps = {} numbers, got {}",
                       timesteps, betas.size());
    }
    return NoiseSchedule::from_betas("tabulated", betas);
  }
  if (kind == "linear") return NoiseSchedule::vp_linear(timesteps, beta_start, beta_end);
  if (kind == "scaled_linear") return NoiseSchedule::vp_scaled_linear(timesteps, beta_start, beta_end);
  if (kind == "sigmoid") return NoiseSchedule::vp_sigmoid_beta(timesteps, beta_start, beta_end);
  if (kind == "squaredcos_cap_v2") return NoiseSchedule::vp_cosine(timesteps);
  throw data_error(fields.location(),
                   "'beta_schedule': supported are linear, scaled_linear, sigmoid, squaredcos_cap_v2 and "
                   "trained_betas, got '{}'",
                   kind);
}

Prediction read_prediction(JsonFields& fields) {
  std::string type = "epsilon";
  fields.read("prediction_type", type);
  if (type == "epsilon") return Prediction::epsilon;
  if (type == "sample") return Prediction::x0;
  if (type == "v_prediction") return Prediction::v;
  throw data_error(fields.location(), "'prediction_type': supported are epsilon, sample, v_prediction, got '{}'", type);
}

bool read_learned_variance(JsonFields& fields) {
  std::string type = "fixed_small";
  if (!fields.take("variance_type").is_null()) fields.read("variance_type", type);
  if (type == "learned" || type == "learned_range") return true;
  if (type.starts_with("fixed_")) return false;
  throw data_error(fields.location(), "'variance_type': supported are fixed_*, learned, learned_range, got '{}'", type);
}

SchedulerConfig read_score_sde_ve(JsonFields& fields) {
  VeGeometricSchedule range{.sigma_min = 0.01, .sigma_max = 1348};
  fields.read("sigma_min", range.sigma_min);
  fields.read("sigma_max", range.sigma_max);
  if (!(range.sigma_min > 0 && range.sigma_min < range.sigma_max)) {
    throw data_error(fields.location(), "expected 0 < sigma_min < sigma_max, got {} and {}", range.sigma_min,
                     range.sigma_max);
  }
  fields.ignore({"num_train_timesteps", "snr", "sampling_eps", "correct_steps", "tensor_format"});
  return {.schedule = NoiseSchedule(range),
          .prediction = Prediction::score,
          .learned_variance = false,
          .clip_sample_range = std::nullopt,
          .conditioned_on_noise_level = true};
}

/// Samplers of networks that were trained as by DDPMScheduler: what they say of the training is said in the same words,
/// the rest is how they sample.
bool is_sampler_alone(const std::string& class_name) {
  static constexpr std::array names = {
      "PNDMScheduler",          "DPMSolverMultistepScheduler",     "DPMSolverSinglestepScheduler",
      "DPMSolverSDEScheduler",  "DEISMultistepScheduler",          "UniPCMultistepScheduler",
      "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler",
      "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "LMSDiscreteScheduler"};
  return std::find(names.begin(), names.end(), class_name) != names.end();
}

/// Refuses what changes the training, leaves out how the class samples.
void leave_out_sampling(JsonFields& fields) {
  bool flow = false;
  std::string timesteps = "discrete";
  fields.read("use_flow_sigmas", flow);
  fields.read("timestep_type", timesteps);
  if (flow) throw data_error(fields.location(), "'use_flow_sigmas': true is not supported: a flow, not a diffusion");
  if (timesteps != "discrete") {
    throw data_error(fields.location(), "'timestep_type': supported is discrete, got '{}'", timesteps);
  }
  fields.ignore({"algorithm_type",
                 "disable_corrector",
                 "euler_at_final",
                 "final_sigmas_type",
                 "flow_shift",
                 "interpolation_type",
                 "lambda_min_clipped",
                 "lower_order_final",
                 "noise_sampler_seed",
                 "predict_x0",
                 "sigma_max",
                 "sigma_min",
                 "shift_terminal",
                 "skip_prk_steps",
                 "solver_order",
                 "solver_p",
                 "solver_type",
                 "time_shift_type",
                 "use_beta_sigmas",
                 "use_dynamic_shifting",
                 "use_exponential_sigmas",
                 "use_karras_sigmas",
                 "use_lu_lambdas"});
}

SchedulerConfig read_ddpm(JsonFields& fields) {
  SchedulerConfig config{.schedule = read_schedule(fields),
                         .prediction = read_prediction(fields),
                         .learned_variance = read_learned_variance(fields),
                         .clip_sample_range = std::nullopt};
  bool clip = true;
  double range = 1;
  const bool said = fields.read("clip_sample", clip);
  fields.read("clip_sample_range", range);
  if (said && clip) config.clip_sample_range = range;
  fields.ignore({"thresholding", "dynamic_thresholding_ratio", "sample_max_value", "timestep_spacing", "steps_offset",
                 "set_alpha_to_one"});
  return config;
}

}  // namespace

SchedulerConfig parse_scheduler_config(const nlohmann::json& json, const std::string& location) {
  JsonFields fields(json, location);
  std::string class_name;
  fields.read("_class_name", class_name);
  const bool score = class_name == "ScoreSdeVeScheduler";
  const bool sampler = is_sampler_alone(class_name);
  if (!score && !sampler && class_name != "DDPMScheduler" && class_name != "DDIMScheduler") {
    throw data_error(location,
                     "'_class_name': supported are DDPMScheduler, DDIMScheduler, ScoreSdeVeScheduler and the samplers "
                     "that share their schedule (PNDM, DPMSolver*, DEIS, UniPC, Euler*, Heun, KDPM2*, LMS), got '{}'; "
                     "state `schedule` and `prediction` in prior.yaml and remove this file",
                     class_name);
  }
  if (sampler) leave_out_sampling(fields);
  SchedulerConfig config = score ? read_score_sde_ve(fields) : read_ddpm(fields);
  fields.refuse_the_rest("the scheduler reader");
  return config;
}

SchedulerConfig read_scheduler_config(const std::filesystem::path& path) {
  return parse_scheduler_config(parse_json_file(path), path.string());
}

}  // namespace recon
