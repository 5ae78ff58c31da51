// Our samplers follow the trajectories of diffusers' schedulers and k-diffusion's samplers, recorded with an exact
// denoiser (tests/golden/samplers/make_samplers.py).
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "priors/gaussian_prior.h"
#include "tests/priors/sampler_laws.h"
#include "tests/support/paths.h"

namespace recon::test {
namespace {

using nlohmann::json;

const json& golden() {
  static const json all = json::parse(std::ifstream(test::source_path("tests/golden/samplers/samplers.json")));
  return all;
}

/// Which of our samplers a record is to be sampled by.
std::unique_ptr<Sampler> counterpart(const json& record) {
  const std::string theirs = record["sampler"];
  const json& options = record["options"];
  if (theirs == "DDPMScheduler") {
    return make_sampler("ddpm", json{{"variance", options["variance_type"]}}.dump());
  }
  if (theirs == "DDIMScheduler") return make_sampler("ddim", json{{"eta", options["eta"]}}.dump());
  if (theirs == "sample_euler_ancestral") return make_sampler("ddpm");
  if (theirs == "EulerDiscreteScheduler" || theirs == "sample_euler") return make_sampler("pf_ode_euler");
  if (theirs == "DPMSolverMultistepScheduler" || theirs == "sample_dpmpp_2m") return make_sampler("dpmpp_2m");
  if (theirs == "HeunDiscreteScheduler") return make_sampler("pf_ode_heun");
  if (theirs != "sample_heun") throw std::runtime_error("no counterpart of " + theirs);
  if (!options.contains("s_churn")) return make_sampler("pf_ode_heun");
  json churn = options;
  churn.erase("sigmas");
  return make_sampler("edm_stochastic", churn.dump());
}

at::Tensor row(const json& values) {
  return at::tensor(values.get<std::vector<double>>(), at::kDouble).view({1, 1, 1, 4});
}

TEST(SamplerGolden, TrajectoriesOfDiffusersAndKDiffusion) {
  const double std = golden()["deviation"];
  const GaussianPrior prior(at::full({1, 1, 4}, golden()["mean"].get<double>(), at::kDouble),
                            Covariance::isotropic({1, 1, 4}, std * std));
  ASSERT_GE(golden()["records"].size(), 16U);
  for (const json& record : golden()["records"]) {
    const auto sampler = counterpart(record);
    ReverseProcess reverse = reverse_process_of(*sampler, prior, 1);
    reverse.levels.clear();
    for (std::size_t i = 0; i < record["alpha"].size(); ++i)
      reverse.levels.push_back({record["alpha"][i], record["sigma"][i]});
    reverse.noise = [&](std::string_view, std::int64_t step) {
      return row(record["noise"][static_cast<std::size_t>(step - 1)]);
    };
    // Rounding of a few operations per step; what is stored has 17 digits, or was rounded to 24 bits in every step.
    const bool single = record["precision"] == "float32";
    double largest = 0;
    sampler->sample(reverse, row(record["x"][0]), [&](const SamplerStep& step) {
      const at::Tensor expected = row(record["x"][static_cast<std::size_t>(step.done)]);
      const double scale = std::max(1.0, row(record["x"][0]).abs().max().item<double>());
      largest = std::max(largest, (step.x - expected).abs().max().item<double>() / scale);
      return true;
    });
    EXPECT_LT(largest, single ? 1e-6 : 1e-13) << record["sampler"] << record["options"];
    std::printf("%-28s %-60s %.1e\n", record["sampler"].get<std::string>().c_str(), record["options"].dump().c_str(),
                largest);
  }
}

}  // namespace
}  // namespace recon::test
