#include "priors/samplers/ddim.h"
#include "priors/samplers/ddpm.h"
#include "priors/samplers/flow.h"
#include "priors/samplers/langevin.h"
#include "priors/samplers/probability_flow.h"
#include "priors/samplers/reverse_sde.h"
#include "priors/samplers/sampler.h"

namespace recon {
namespace {

template <class T>
SamplerKind sampler_kind(std::string name, std::string summary) {
  return {std::move(name), std::move(summary), [] { return std::make_unique<T>(); }};
}

}  // namespace

Registry<SamplerKind>& mutable_sampler_kinds() {
  static Registry<SamplerKind> kinds(
      "sampler",
      {
          sampler_kind<AnnealedLangevin>("annealed_langevin",
                                         "Langevin steps at falling noise levels (Song & Ermon 2019)"),
          sampler_kind<Ddim>("ddim", "deterministic to ancestral by eta (Song et al. 2021, DDIM)"),
          sampler_kind<Ddpm>("ddpm", "ancestral sampling with fixed or learned variance (Ho et al. 2020)"),
          sampler_kind<DpmSolverPp2M>("dpmpp_2m",
                                      "DPM-Solver++(2M), second order at one pass per step (Lu et al. 2022)"),
          sampler_kind<EdmStochastic>("edm_stochastic",
                                      "Heun's method with churned noise (Karras et al. 2022, Algorithm 2)"),
          sampler_kind<FlowEuler>("flow_euler", "straight steps in the time of flow matching (Lipman et al. 2022)"),
          sampler_kind<FlowHeun>("flow_heun", "Heun's method in the time of flow matching, second order"),
          sampler_kind<PfOdeEuler>("pf_ode_euler", "probability-flow ODE by Euler's method in relative sigma"),
          sampler_kind<PfOdeHeun>("pf_ode_heun",
                                  "probability-flow ODE by Heun's method (Karras et al. 2022, Algorithm 1)"),
          sampler_kind<PredictorCorrector>("predictor_corrector",
                                           "reverse diffusion with Langevin correction (Song et al. 2021)"),
          sampler_kind<ReverseSde>("reverse_sde",
                                   "reverse SDE by Euler-Maruyama in the process's own time (Song et al. 2021)"),
      });
  return kinds;
}

const Registry<SamplerKind>& sampler_kinds() { return mutable_sampler_kinds(); }

}  // namespace recon
