#include "priors/schedule_options.h"

#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {
namespace {

using Made = std::optional<NoiseSchedule>;
constexpr Limits kPositive{.min = 0, .open_min = true}, kTimesteps{.min = 1, .max = 1e6};

/// The DDPM tables of diffusers, which differ in how beta runs between its ends.
using BetaTable = NoiseSchedule (*)(std::int64_t timesteps, double beta_start, double beta_end);

ScheduleFamily table_family(const char* name, const char* summary, BetaTable table, double start, double end) {
  return {name, summary, [=](ParameterVisitor& v) -> Made {
            std::int64_t timesteps = 1000;
            double beta_start = start, beta_end = end;
            v.field("timesteps", timesteps, "T, the number of timesteps", kTimesteps);
            v.field("beta_start", beta_start, "beta of the first timestep", kPositive);
            v.field("beta_end", beta_end, "beta of the last timestep, below 1", kPositive);
            return v.reading() ? Made(table(timesteps, beta_start, beta_end)) : std::nullopt;
          }};
}

Made cosine_table(ParameterVisitor& v) {
  std::int64_t timesteps = 1000;
  v.field("timesteps", timesteps, "T, the number of timesteps", kTimesteps);
  return v.reading() ? Made(NoiseSchedule::vp_cosine(timesteps)) : std::nullopt;
}

Made own_table(ParameterVisitor& v) {
  std::vector<double> betas, alpha_bar;
  v.field("betas", betas, "beta of every timestep, each between 0 and 1; or");
  v.field("alpha_bar", alpha_bar, "alpha² of every timestep, strictly decreasing between 1 and 0");
  if (!v.reading()) return std::nullopt;
  if (betas.empty() == alpha_bar.empty()) {
    throw usage_error(v.location(), "schedule tabulated: expected either `betas` or `alpha_bar`, got {}",
                      betas.empty() ? "neither" : "both");
  }
  return betas.empty() ? NoiseSchedule(TabulatedSchedule{"tabulated", alpha_bar})
                       : NoiseSchedule::from_betas("tabulated", betas);
}

Made vp_continuous(ParameterVisitor& v) {
  VpContinuousSchedule vp;
  v.field("beta_min", vp.beta_min, "beta at t = 0", kPositive);
  v.field("beta_max", vp.beta_max, "beta at t = 1", kPositive);
  return v.reading() ? Made(NoiseSchedule(vp)) : std::nullopt;
}

Made cosine_continuous(ParameterVisitor& v) {
  CosineContinuousSchedule cosine;
  v.field("offset", cosine.offset, "s, which keeps the first steps from being too small", {.min = 0});
  return v.reading() ? Made(NoiseSchedule(cosine)) : std::nullopt;
}

Made ve_geometric(ParameterVisitor& v) {
  VeGeometricSchedule ve;
  v.field("sigma_min", ve.sigma_min, "sigma at t = 0", kPositive);
  v.field("sigma_max", ve.sigma_max, "sigma at t = 1", kPositive);
  return v.reading() ? Made(NoiseSchedule(ve)) : std::nullopt;
}

Made edm_rho(ParameterVisitor& v) {
  EdmRhoSchedule edm;
  v.field("sigma_min", edm.sigma_min, "sigma at t = 0", kPositive);
  v.field("sigma_max", edm.sigma_max, "sigma at t = 1", kPositive);
  v.field("rho", edm.rho, "sigma^(1/rho) is linear in t; 7 spends most steps at low noise", kPositive);
  return v.reading() ? Made(NoiseSchedule(edm)) : std::nullopt;
}

Made flow(ParameterVisitor& v) { return v.reading() ? Made(NoiseSchedule(FlowSchedule{})) : std::nullopt; }

}  // namespace

const std::vector<ScheduleFamily>& schedule_families() {
  static const std::vector<ScheduleFamily> families{
      table_family("vp_linear", "DDPM: beta linear over T timesteps (Ho et al. 2020)", NoiseSchedule::vp_linear, 1e-4,
                   0.02),
      table_family("vp_scaled_linear", "sqrt(beta) linear over T timesteps (latent diffusion)",
                   NoiseSchedule::vp_scaled_linear, 0.00085, 0.012),
      {"vp_cosine", "squared cosine over T timesteps, beta at most 0.999 (Nichol & Dhariwal 2021)", cosine_table},
      {"tabulated", "a variance-preserving table of your own", own_table},
      {"vp_continuous", "VP-SDE: beta linear in t from 0 to 1 (Song et al. 2021)", vp_continuous},
      {"cosine_continuous", "alpha a quarter period of the cosine, t from 0 to 1", cosine_continuous},
      {"ve_geometric", "VE-SDE: alpha 1, sigma geometric in t (Song & Ermon 2019)", ve_geometric},
      {"edm_rho", "alpha 1, sigma^(1/rho) linear in t (Karras et al. 2022)", edm_rho},
      {"flow", "rectified flow: alpha 1 - t, sigma t (Lipman et al. 2022)", flow},
  };
  return families;
}

const ScheduleFamily& find_schedule_family(const std::string& name, const std::string& location) {
  std::vector<std::string> names;
  for (const ScheduleFamily& family : schedule_families()) {
    if (family.name == name) return family;
    names.push_back(family.name);
  }
  throw usage_error(location, "unknown schedule '{}'{}", name, suggestion(name, names));
}

std::optional<NoiseSchedule> make_schedule(ParameterVisitor& options) {
  std::string type;
  options.field("type", type, "the process; `recon list schedules` shows all with their parameters");
  if (!options.reading()) return std::nullopt;
  if (type.empty())
    throw usage_error(options.location(), "a schedule needs a `type`; `recon list schedules` shows all");
  const ScheduleFamily& family = find_schedule_family(type, options.location());
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
  return sections.empty() ? std::nullopt : make_schedule(*sections.front());
}

}  // namespace recon
