#include "priors/schedule_options.h"

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr Limits kPositive{.min = 0, .open_min = true}, kTimesteps{.min = 1, .max = 1e6};

/// The DDPM tables of diffusers, which differ in how beta runs between its ends.
using BetaTable = NoiseSchedule (*)(std::int64_t timesteps, double beta_start, double beta_end);

struct BetaTableOptions {
  std::int64_t timesteps = 1000;
  double beta_start = 0, beta_end = 0;

  void visit(ParameterVisitor& v) {
    v.field("timesteps", timesteps, "T, the number of timesteps", kTimesteps);
    v.field("beta_start", beta_start, "beta of the first timestep", kPositive);
    v.field("beta_end", beta_end, "beta of the last timestep, below 1", kPositive);
  }
};

ScheduleFamily table_family(const char* name, const char* summary, BetaTable table, double start, double end) {
  return ScheduleFamily::of<BetaTableOptions>(
      {.name = name, .summary = summary},
      [table](const BetaTableOptions& o, const std::string&) { return table(o.timesteps, o.beta_start, o.beta_end); },
      {.beta_start = start, .beta_end = end});
}

struct CosineTableOptions {
  std::int64_t timesteps = 1000;
  void visit(ParameterVisitor& v) { v.field("timesteps", timesteps, "T, the number of timesteps", kTimesteps); }
  NoiseSchedule schedule(const std::string&) const { return NoiseSchedule::vp_cosine(timesteps); }
};

struct SigmoidTableOptions {
  std::int64_t timesteps = 1000;
  double start = -3, end = 3, tau = 1;

  void visit(ParameterVisitor& v) {
    v.field("timesteps", timesteps, "T, the number of timesteps", kTimesteps);
    v.field("start", start, "where on the sigmoid the clean end lies");
    v.field("end", end, "where the noisy end lies, above `start`");
    v.field("tau", tau, "width of the sigmoid", kPositive);
  }
  NoiseSchedule schedule(const std::string&) const { return NoiseSchedule::vp_sigmoid(timesteps, start, end, tau); }
};

struct OwnTableOptions {
  std::vector<double> betas, alpha_bar;

  void visit(ParameterVisitor& v) {
    v.field("betas", betas, "beta of every timestep, each between 0 and 1; or");
    v.field("alpha_bar", alpha_bar, "alpha² of every timestep, strictly decreasing between 1 and 0");
  }
  NoiseSchedule schedule(const std::string& location) const {
    if (betas.empty() == alpha_bar.empty()) {
      throw usage_error(location, "schedule tabulated: expected either `betas` or `alpha_bar`, got {}",
                        betas.empty() ? "neither" : "both");
    }
    return betas.empty() ? NoiseSchedule(TabulatedSchedule{"tabulated", alpha_bar})
                         : NoiseSchedule::from_betas("tabulated", betas);
  }
};

struct VpContinuousOptions {
  VpContinuousSchedule vp;
  void visit(ParameterVisitor& v) {
    v.field("beta_min", vp.beta_min, "beta at t = 0", kPositive);
    v.field("beta_max", vp.beta_max, "beta at t = 1", kPositive);
  }
  NoiseSchedule schedule(const std::string&) const { return NoiseSchedule(vp); }
};

struct CosineContinuousOptions {
  CosineContinuousSchedule cosine;
  void visit(ParameterVisitor& v) {
    v.field("offset", cosine.offset, "s, which keeps the first steps from being too small", {.min = 0});
  }
  NoiseSchedule schedule(const std::string&) const { return NoiseSchedule(cosine); }
};

struct VeGeometricOptions {
  VeGeometricSchedule ve;
  void visit(ParameterVisitor& v) {
    v.field("sigma_min", ve.sigma_min, "sigma at t = 0", kPositive);
    v.field("sigma_max", ve.sigma_max, "sigma at t = 1", kPositive);
  }
  NoiseSchedule schedule(const std::string&) const { return NoiseSchedule(ve); }
};

struct EdmRhoOptions {
  EdmRhoSchedule edm;
  void visit(ParameterVisitor& v) {
    v.field("sigma_min", edm.sigma_min, "sigma at t = 0", kPositive);
    v.field("sigma_max", edm.sigma_max, "sigma at t = 1", kPositive);
    v.field("rho", edm.rho, "sigma^(1/rho) is linear in t; 7 spends most steps at low noise", kPositive);
  }
  NoiseSchedule schedule(const std::string&) const { return NoiseSchedule(edm); }
};

struct FlowOptions : NoOptions {
  NoiseSchedule schedule(const std::string&) const { return NoiseSchedule(FlowSchedule{}); }
};

template <class Options>
ScheduleFamily family(std::string name, std::string summary) {
  return ScheduleFamily::of<Options>(
      {.name = std::move(name), .summary = std::move(summary)},
      [](const Options& options, const std::string& location) { return options.schedule(location); });
}

}  // namespace

Registry<ScheduleFamily>& mutable_schedule_families() {
  static Registry<ScheduleFamily> families(
      "schedule",
      {table_family("vp_linear", "DDPM: beta linear over T timesteps (Ho et al. 2020)", NoiseSchedule::vp_linear, 1e-4,
                    0.02),
       table_family("vp_scaled_linear", "sqrt(beta) linear over T timesteps (latent diffusion)",
                    NoiseSchedule::vp_scaled_linear, 0.00085, 0.012),
       family<CosineTableOptions>("vp_cosine",
                                  "squared cosine over T timesteps, beta at most 0.999 (Nichol & Dhariwal 2021)"),
       family<SigmoidTableOptions>("vp_sigmoid", "alpha² a piece of a sigmoid over T timesteps (Jabri et al. 2022)"),
       table_family("vp_sigmoid_beta", "beta a sigmoid of the timestep (diffusers' sigmoid, MONAI's sigmoid_beta)",
                    NoiseSchedule::vp_sigmoid_beta, 1e-4, 0.02),
       family<OwnTableOptions>("tabulated", "a variance-preserving table of your own"),
       family<VpContinuousOptions>("vp_continuous", "VP-SDE: beta linear in t from 0 to 1 (Song et al. 2021)"),
       family<CosineContinuousOptions>("cosine_continuous", "alpha a quarter period of the cosine, t from 0 to 1"),
       family<VeGeometricOptions>("ve_geometric", "VE-SDE: alpha 1, sigma geometric in t (Song & Ermon 2019)"),
       family<EdmRhoOptions>("edm_rho", "alpha 1, sigma^(1/rho) linear in t (Karras et al. 2022)"),
       family<FlowOptions>("flow", "rectified flow: alpha 1 - t, sigma t (Lipman et al. 2022)")},
      ListOrder::as_added);
  return families;
}

const Registry<ScheduleFamily>& schedule_families() { return mutable_schedule_families(); }

NoiseSchedule make_schedule(ParameterVisitor& options) {
  std::string type;
  options.field("type", type, "the process; `recon list schedules` shows all with their parameters");
  if (type.empty())
    throw usage_error(options.location(), "a schedule needs a `type`; `recon list schedules` shows all");
  const ScheduleFamily& family = schedule_families().find(type, options.location());
  try {
    return family.make(options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;
    throw usage_error(options.location(), "{}", error.what());  // parameters out of range are data to NoiseSchedule
  }
}

std::optional<NoiseSchedule> schedule_section(ParameterVisitor& options, const char* name, const char* doc) {
  const auto sections = options.sections(name, doc);
  if (sections.size() > 1) throw usage_error(options.location(), "'{}': expected one schedule", name);
  if (sections.empty()) return std::nullopt;
  return make_schedule(*sections.front());
}

}  // namespace recon
