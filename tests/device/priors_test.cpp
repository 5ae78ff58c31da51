// Every network and prior on the device: the denoised image and its vector-Jacobian product are those of the CPU; and
// every sampler draws what it draws there.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "priors/empirical_prior.h"
#include "priors/gaussian_mixture_prior.h"
#include "priors/gaussian_prior.h"
#include "priors/load_prior.h"
#include "priors/samplers/draw.h"
#include "tests/device/device_support.h"
#include "tests/priors/placed_network.h"
#include "tests/support/paths.h"

namespace recon::test {
namespace {

namespace fs = std::filesystem;

Shape image_size(const Prior& prior) {
  const ImageDomain& domain = prior.domain();
  if (!domain.fixed_size.empty()) return domain.fixed_size;
  const std::int64_t side = (16 + domain.multiple - 1) / domain.multiple * domain.multiple;
  return {side, side};
}

at::Tensor noisy_images(const Prior& prior, at::ScalarType dtype) {
  const Shape size = image_size(prior);
  return drawn({{prior.domain().channels, size[0], size[1]}, ScalarKind::real}, 2, dtype);
}

void expect_equal_on_both(const Prior& prior, at::ScalarType dtype, double tolerance) {
  const at::Tensor x = noisy_images(prior, dtype), v = noisy_images(prior, dtype).flip({3});
  const NoiseLevel level = prior.schedule().at(prior.schedule().time_of(std::min(1.0, prior.max_relative_sigma() / 2)));
  const Linearized cpu = prior.linearize(x, level), device = prior.linearize(there(x), level);
  EXPECT_LT(difference(device.x0, cpu.x0), tolerance);
  EXPECT_LT(difference(device.pullback(there(v)), cpu.pullback(v)), tolerance);
  EXPECT_LT(difference(prior.denoise(there(x), level), cpu.x0), tolerance);
  if (!prior.learns_variance()) return;
  EXPECT_LT(difference(prior.denoise_with_variance(there(x), level).variance_fraction,
                       prior.denoise_with_variance(x, level).variance_fraction),
            tolerance);
}

/// The networks of an architecture, as recorded for its own tests, but for those that are no priors.
std::vector<std::string> recorded_networks(const std::string& family) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(source_path("tests/golden/" + family))) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name != "fourier_scale_shift") names.push_back(entry.path().string());
  }
  EXPECT_FALSE(names.empty());
  return names;
}

/// PyTorch moves the parameters of a TorchScript module to CUDA, but not to devices that it does not know.
std::vector<std::string> network_families() {
  std::vector<std::string> families = {"unet2d", "adm", "song", "denoisers", "exported"};
  if (!counts_are_known()) families.emplace_back("torchscript");
  return families;
}

class NetworksOnTheDevice : public testing::TestWithParam<std::string> {};

TEST_P(NetworksOnTheDevice, EqualTheCpu) {
  for (const auto& network : recorded_networks(GetParam())) {
    SCOPED_TRACE(network);
    expect_equal_on_both(*load_prior(network), at::kFloat, 2e-4);
  }
}

/// In less than float32 the weights of convolutions lie with the channels last. The strict device rounds as float32.
TEST_P(NetworksOnTheDevice, EqualTheCpuWithChannelsLast) {
  for (const auto& network : recorded_networks(GetParam())) {
    SCOPED_TRACE(network);
    expect_equal_on_both(*load_prior(network, Precision::tf32), at::kFloat, counts_are_known() ? 2e-4 : 3e-2);
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, NetworksOnTheDevice, testing::ValuesIn(network_families()),
                         [](const auto& instance) { return instance.param; });

TEST(EmbeddedPriorOnTheDevice, EqualsTheCpu) { expect_equal_on_both(*load_prior("natural_gray"), at::kFloat, 2e-4); }

std::shared_ptr<const GaussianPrior> gaussian() {
  const at::Tensor power = 1 / (1 + at::fft_fftfreq(8, 1.0 / 8, at::kDouble).square());
  return std::make_shared<GaussianPrior>(at::full({1, 8, 8}, 0.25, at::kDouble),
                                         Covariance::stationary((power.view({-1, 1}) * power).unsqueeze(0)));
}

TEST(PriorsOnTheDevice, EqualTheCpu) {
  expect_equal_on_both(*gaussian(), at::kDouble, 1e-12);
  const Shape image{1, 4, 4};
  const at::Tensor shift = at::full(image, 0.5, at::kDouble);
  expect_equal_on_both(
      GaussianMixturePrior({{.weight = 0.3, .mean = shift, .covariance = Covariance::isotropic(image, 0.1)},
                            {.weight = 0.7, .mean = -shift, .covariance = Covariance::isotropic(image, 0.2)}}),
      at::kDouble, 1e-12);
  expect_equal_on_both(EmpiricalPrior(drawn({{1, 8, 8}, ScalarKind::real}, 5, at::kDouble).clamp(-1, 1), 0.3),
                       at::kDouble, 1e-12);
}

TEST(PriorsOnTheDevice, MakePositionsThere) {
  const auto prior = placed_prior();
  expect_equal_on_both(*prior, at::kFloat, 1e-5);
  const ImagePlace place{.top = 3, .left = 5, .height = 40, .width = 50};
  expect_equal_on_both(*prior->of_parts({place, place}), at::kFloat, 1e-5);
  if (!counts_are_known()) return;
  const at::Tensor x = there(noisy_images(*prior, at::kFloat));
  prior->denoise(x, {.alpha = 1, .sigma = 1});  // the third pass is recorded, and held against the network's own
  const DeviceCounts counts = counts_of([&] { prior->denoise(x, {.alpha = 1, .sigma = 1}); });
  EXPECT_EQ(counts.uploads, 0);
  EXPECT_EQ(counts.host_reads, 0);
}

/// Also what learns its variance, for the samplers that ask for it.
PriorPtr prior_for(const Sampler& sampler) {
  if (sampler.needs_learned_variance()) return load_prior(source_path("tests/golden/adm/legacy_order"));
  return gaussian();
}

TEST(SamplersOnTheDevice, DrawTheImagesOfTheCpu) {
  for (const SamplerKind& kind : sampler_kinds()) {
    const auto sampler = kind.make();
    sampler->steps = 12;
    const PriorPtr prior = prior_for(*sampler);
    DrawTask task{.keys = {{1, 0}, {2, 3}}, .size = image_size(*prior), .like = at::kDouble, .seed = 4};
    const at::Tensor cpu = draw(*sampler, *prior, task).x;
    task.like = task.like.device(kDevice);
    const DrawReport device = draw(*sampler, *prior, task);
    EXPECT_EQ(device.diverged, std::vector<bool>(2, false)) << kind.name;
    EXPECT_LT(difference(device.x, cpu), 1e-4) << kind.name;
  }
}

}  // namespace
}  // namespace recon::test
