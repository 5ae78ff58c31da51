// Kernels found from blurred photographs: the options that a config leaves to the data.
#include "recon/pipeline/items/operator_estimation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "data/hdf5/hdf5_file.h"
#include "data/image_io.h"
#include "operators/blur/blur.h"
#include "operators/blur/blur_estimation.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/blur_kernels.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon::test {
namespace {

/// What the images say inside of the kernel's reach, and noise.
at::Tensor measured(const at::Tensor& images, const BlurKernel& kernel, double noise_std, std::uint64_t seed = 1) {
  const TensorSpec image = spec_of_item(images);
  const LinearOperatorPtr op = make_blur(image, kernel.on(image, "test"), Boundary::unknown, "test");
  return op->apply(images) + noise_std * Rng(seed, "noise").normal({{0, 0}}, 0, op->range(), images.options());
}

YamlNodePtr section(const std::string& text) { return parse_yaml(text, {.name = "run.yaml", .folder = {}}); }

TEST(OperatorEstimation, PutsNumbersInTheirPlace) {
  const at::Tensor y = read_image(source_path("data/samples/blurred.png")).unsqueeze(0);
  const YamlNodePtr op = section("{type: blur, std_px: estimate, boundary: reflect}");
  const YamlNodePtr found = with_estimates(
      op, 1, [&](std::int64_t) { return y[0]; }, {}, "blurred.png");
  EXPECT_EQ(found->find("boundary")->value->text, "reflect");
  EXPECT_NEAR(std::stod(found->find("std_px")->value->text), 1.5, 0.15);
  EXPECT_EQ(op->find("std_px")->value->text, "estimate") << "what was given stays";
}

TEST(OperatorEstimation, FindsTheShape) {
  const at::Tensor photograph = read_image(source_path("data/samples/photograph.png")).unsqueeze(0);
  const auto shape_of = [&](const BlurKernel& truth) {
    const at::Tensor y = measured(photograph, truth, 0.005);
    return with_estimates(
        section("{type: blur, shape: estimate}"), 1, [&](std::int64_t) { return y[0]; }, {}, "y");
  };
  EXPECT_EQ(shape_of(gaussian_kernel(2))->find("shape")->value->text, "gaussian");
  EXPECT_EQ(shape_of(disk_kernel(4))->find("shape")->value->text, "disk");
  const YamlNodePtr moved = shape_of(motion_kernel(9, 30));
  EXPECT_EQ(moved->find("shape")->value->text, "motion");
  EXPECT_NEAR(std::stod(moved->find("angle_deg")->value->text), 30, 5);
  expect_says(complaint([&] {
                with_estimates(
                    section("{type: blur, shape: estimate}"), 1,
                    [&](std::int64_t) { return photograph[0].narrow(1, 0, 20); }, {}, "small");
              }),
              {"no blur of any shape", "gaussian", "motion", "32 x 32"});
}

TEST(OperatorEstimation, LeavesOthersAlone) {
  const auto nothing = [](std::int64_t) -> at::Tensor { throw internal_error("test", "nobody needs the data"); };
  const YamlNodePtr op = section("{type: blur, std_px: 2}");
  EXPECT_EQ(with_estimates(op, 1, nothing, {}, "x"), op);
  const auto refused = [&](const std::string& text) {
    return complaint([&] { with_estimates(section(text), 1, nothing, {}, "x"); }, ErrorKind::usage);
  };
  expect_says(refused("{type: radon, angles: estimate}"), {"run.yaml:1", "'angles: estimate'", "type blur"});
  expect_says(refused("{type: blur, size_px: estimate}"), {"run.yaml:1", "'size_px'", "std_px can"});
  expect_says(refused("{type: blur, kernel: estimate}"), {"run.yaml:1", "'kernel'", "as a file", "shape: estimate"});
  expect_says(refused("{type: blur, shape: motion, std_px: estimate}"),
              {"'std_px'", "motion", "length_px, angle_deg can"});
}

TEST(OperatorEstimation, PhotonNoiseIsWhiteAsFarAsItGoes) {
  const at::Tensor image = read_image(source_path("data/samples/photograph.png")).unsqueeze(0);
  const BlurKernel truth = gaussian_kernel(1.5);
  const at::Tensor clean = measured(image, truth, 0).clamp_min(0);
  constexpr double peak = 2000;
  const at::Tensor shot =
      (clean / peak).sqrt() * Rng(1, "shot").normal({{0, 0}}, 0, spec_of_item(clean), clean.options());
  const Noise noise{.type = NoiseType::poisson, .std = {}, .peak = peak};
  const YamlNodePtr found = with_estimates(
      section("{type: blur, std_px: estimate}"), 1, [&](std::int64_t) { return (clean + shot)[0]; }, noise, "photons");
  EXPECT_NEAR(std::stod(found->find("std_px")->value->text), 1.5, 0.15);
}

TEST(OperatorEstimation, FindsTheMotionOfThePhotograph) {
  const at::Tensor photograph = read_image(source_path("data/samples/photograph.png")).unsqueeze(0);
  const BlurEstimate moved = estimate_blur(measured(photograph, motion_kernel(9, 30), 0.01), motion_kernel(1, 0),
                                           {"length_px", "angle_deg"}, 0.01, "photograph");
  EXPECT_NEAR(moved.kernel.length_px, 9, 0.9);
  EXPECT_NEAR(moved.kernel.angle_deg, 30, 5);
}

/// Twenty cases: the shipped photographs in turn (grey, 128 x 128, less what the kernel reaches), numbers spread
/// evenly.
struct Cases {
  int within_tenth = 0, within_fifth = 0, angle_within_five = 0;
};

double spread(int i, double low, double high) { return low + (high - low) * std::fmod(0.618034 * (i + 1), 1); }

template <class Kernel>
Cases twenty(const char* name, double noise_std, const Kernel& kernel_of, const std::vector<std::string>& unknown) {
  const at::Tensor colour =
      hdf5::File::open(source_path("data/samples/field.h5")).dataset("photographs").read().to(at::kDouble) / 255;
  const at::Tensor grey = (colour * at::tensor({0.299, 0.587, 0.114}, at::kDouble).view({1, 3, 1, 1})).sum(1, true);
  Cases cases;
  for (int i = 0; i < 20; ++i) {
    const BlurKernel truth = kernel_of(i);
    double ratio = std::numeric_limits<double>::infinity(), turn = 180;
    try {
      BlurKernel form;
      form.shape = truth.shape;
      const at::Tensor y = measured(grey.narrow(0, i % 12, 1), truth, noise_std, static_cast<std::uint64_t>(i));
      const BlurEstimate found = estimate_blur(y, form, unknown, noise_std, name);
      const double stated = truth.shape == KernelShape::gaussian ? truth.std_px
                            : truth.shape == KernelShape::disk   ? truth.radius_px
                                                                 : truth.length_px;
      ratio = std::abs(std::log(found.options[0].value / stated));
      turn = std::abs(std::remainder(found.kernel.angle_deg - truth.angle_deg, 180));
    } catch (const Error& error) {
      std::printf("  %s: %s\n", name, error.what());
    }
    cases.within_tenth += ratio < std::log(1.1);
    cases.within_fifth += ratio < std::log(1.2);
    cases.angle_within_five += turn < 5;
  }
  std::printf("%-10s noise %.2f: within 10 %%: %d, within 20 %%: %d, angle within 5 degrees: %d, of 20\n", name,
              noise_std, cases.within_tenth, cases.within_fifth, cases.angle_within_five);
  return cases;
}

// The table of recon/docs/deblurring.md.
TEST(SlowOperatorEstimation, TwentyPhotographsOfEachShape) {
  for (const double noise_std : {0.01, 0.03}) {
    const auto soft = [](int i) { return gaussian_kernel(spread(i, 0.8, 3)); };
    const auto defocused = [](int i) { return disk_kernel(spread(i, 1.5, 5)); };
    const auto shaken = [](int i) { return motion_kernel(spread(i, 5, 17), spread(3 * i, 0, 180)); };
    EXPECT_GE(twenty("gaussian", noise_std, soft, {"std_px"}).within_fifth, 17);
    EXPECT_GE(twenty("disk", noise_std, defocused, {"radius_px"}).within_fifth, 17);
    const Cases moved = twenty("motion", noise_std, shaken, {"length_px", "angle_deg"});
    EXPECT_GE(moved.within_fifth, 16);
    EXPECT_GE(moved.angle_within_five, 16);
  }
}

}  // namespace
}  // namespace recon::test
