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
SamplerKind kind(std::string name, std::string summary) {
  return {std::move(name), std::move(summary), [] { return std::make_unique<T>(); }};
}

}  // namespace

const std::vector<SamplerKind>& sampler_kinds() {
  static const std::vector<SamplerKind> kinds = {
      kind<AnnealedLangevin>("annealed_langevin", "Langevin steps at falling noise levels (Song & Ermon 2019)"),
      kind<Ddim>("ddim", "deterministic to ancestral by eta (Song et al. 2021, DDIM)"),
      kind<Ddpm>("ddpm", "ancestral sampling with fixed or learned variance (Ho et al. 2020)"),
      kind<DpmSolverPp2M>("dpmpp_2m", "DPM-Solver++(2M), second order at one pass per step (Lu et al. 2022)"),
      kind<EdmStochastic>("edm_stochastic", "Heun's method with churned noise (Karras et al. 2022, Algorithm 2)"),
      kind<FlowEuler>("flow_euler", "straight steps in the time of flow matching (Lipman et al. 2022)"),
      kind<FlowHeun>("flow_heun", "Heun's method in the time of flow matching, second order"),
      kind<PfOdeEuler>("pf_ode_euler", "probability-flow ODE by Euler's method in relative sigma"),
      kind<PfOdeHeun>("pf_ode_heun", "probability-flow ODE by Heun's method (Karras et al. 2022, Algorithm 1)"),
      kind<PredictorCorrector>("predictor_corrector", "reverse diffusion with Langevin correction (Song et al. 2021)"),
      kind<ReverseSde>("reverse_sde", "reverse SDE by Euler-Maruyama in the process's own time (Song et al. 2021)"),
  };
  return kinds;
}

}  // namespace recon
