// Multi-coil MRI: the SENSE operator against its formula, and what is estimated from the data (maps, noise, channels,
// phase) against the truth it was simulated from.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/diagnostics.h"
#include "operators/fourier/fft.h"
#include "operators/fourier/fourier.h"
#include "operators/mri/channels.h"
#include "operators/mri/coil_estimation.h"
#include "operators/mri/coil_maps.h"
#include "operators/mri/image_phase.h"
#include "operators/mri/seen_pixels.h"
#include "operators/mri/sense.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

at::Tensor draw(const Shape& shape, ScalarKind scalar, std::uint32_t step = 0) {
  return Rng(23, "mri_test").normal({StreamKey{}}, step, {shape, scalar}, at::kDouble)[0];
}

double farthest(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

TensorSpec complex_image(std::int64_t height, std::int64_t width) { return {{1, height, width}, ScalarKind::complex}; }

/// A head-like disk with a brighter box inside, [H, W], 0 outside.
at::Tensor head(std::int64_t height, std::int64_t width) {
  const at::Tensor v = at::linspace(-1, 1, height, at::kDouble).view({-1, 1});
  const at::Tensor h = at::linspace(-1, 1, width, at::kDouble).view({1, -1});
  const at::Tensor disk = (v.square() + h.square() < 0.64).to(at::kDouble);
  return 0.6 * disk + 0.4 * ((v - 0.2).abs() < 0.2).logical_and((h + 0.1).abs() < 0.3).to(at::kDouble);
}

/// Mean and least over the head of |sum_c conj(S_c) E_c|, the cosine between true and estimated maps: 1 up to a phase.
std::pair<double, double> agreement(const at::Tensor& maps, const at::Tensor& estimated, const at::Tensor& inside) {
  const at::Tensor cosine = (maps.conj() * estimated).sum(0).abs().masked_select(inside);
  return {cosine.mean().item<double>(), cosine.min().item<double>()};
}

TEST(Sense, IsMaskTimesFourierTimesMaps) {
  const at::Tensor maps = draw({3, 7, 9}, ScalarKind::complex), x = draw({1, 7, 9}, ScalarKind::complex, 1);
  const at::Tensor mask = (at::arange(63).remainder(3) != 0).to(at::kDouble).view({7, 9});
  const auto op = make_sense(complex_image(7, 9), maps, mask, "test", "test");
  EXPECT_EQ(op->range(), (TensorSpec{{3, 7, 9}, ScalarKind::complex}));
  const at::Tensor y = op->apply(x.unsqueeze(0))[0];
  for (std::int64_t c = 0; c < 3; ++c) {
    EXPECT_LT(farthest(y[c], mask * fft2_centred(maps[c] * x[0])), 1e-13);  // the same few operations
  }
  EXPECT_EQ(op->measured_components(), 2 * 3 * 42);
}

TEST(Sense, TwoChannelsHaveMapsOfTheirOwn) {
  const TensorSpec image{{2, 6, 5}, ScalarKind::complex};
  const at::Tensor maps = draw({2, 4, 6, 5}, ScalarKind::complex), x = draw({2, 6, 5}, ScalarKind::complex, 1);
  const at::Tensor y = make_coil_maps(image, maps, "test")->apply(x.unsqueeze(0))[0];
  EXPECT_LT(farthest(y, maps[0] * x[0] + maps[1] * x[1]), 1e-14);
}

TEST(Sense, FullSamplingHasTheClosedFormOfTheMaps) {
  const TensorSpec image = complex_image(8, 6);
  const at::Tensor maps = draw({3, 8, 6}, ScalarKind::complex), b = draw({1, 1, 8, 6}, ScalarKind::complex, 1);
  const auto op = make_sense(image, maps, at::ones({8, 6}), "full", "test");
  ASSERT_TRUE(op->spectral().has_value());
  EXPECT_LT(farthest(op->solve_shifted(b, at::full({1}, 0.3, at::kDouble)), b / (maps.abs().square().sum(0) + 0.3)),
            1e-13);
  EXPECT_FALSE(build_linear(R"({"type": "sense", "acceleration": 2})", complex_image(16, 16))->spectral().has_value());
}

TEST(Sense, OfVolumesIsMaskTimesFourierTimesMaps) {
  const TensorSpec volume{{1, 4, 8, 6}, ScalarKind::complex};
  const at::Tensor maps = simulated_coil_maps(volume, 3);
  ASSERT_EQ(maps.sizes(), (at::IntArrayRef{1, 3, 4, 8, 6}));
  EXPECT_TRUE(at::equal(maps.select(2, 0), simulated_coil_maps({{1, 8, 6}, ScalarKind::complex}, 3)));
  at::Tensor seen = maps[0].clone();
  seen.slice(3, 0, 1).zero_();  // the last column of maps that no coil sees
  const at::Tensor mask = at::ones({1, 4, 8, 6}, at::kDouble);
  mask[0][1].zero_();
  const LinearOperatorPtr op = make_sense(volume, seen, mask, "array", "test");
  EXPECT_EQ(op->range().shape, (Shape{3, 4, 8, 6}));
  const at::Tensor x = Rng(5, "volume").normal({{0, 0}}, 0, volume, at::kDouble);
  EXPECT_LT((op->apply(x) - mask * fft3_centred(seen * x)).abs().max().item<double>(), 1e-14);
  EXPECT_EQ(seen_pixels(*op).sum().item<double>(), 4 * 8 * 5);
  EXPECT_THROW(make_sense(volume, simulated_coil_maps({{1, 8, 6}, ScalarKind::complex}, 3)[0], mask, "array", "test"),
               Error);
}

TEST(Sense, RefusesMapsThatDoNotFit) {
  try {
    make_sense(complex_image(8, 8), draw({3, 8, 6}, ScalarKind::complex), at::ones({8, 8}), "full", "file.h5");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "file.h5: expected coil maps [coils, 8, 8] for an image [1, 8, 8], got [3, 8, 6]");
  }
}

TEST(SimulatedMaps, AreSmoothDifferentAndOfUnitEnergy) {
  const at::Tensor maps = simulated_coil_maps(complex_image(64, 48), 8)[0];
  EXPECT_LT(farthest(maps.abs().square().sum(0), at::ones({64, 48})), 1e-14);
  // 1 / (z - z_c) changes by |step| / |z - z_c| from pixel to pixel, at a corner 2 / 47 / (1.7 - sqrt 2); so does the
  // norm.
  EXPECT_LT((maps.slice(2, 1) - maps.slice(2, 0, -1)).abs().max().item<double>(), 2 * 2.0 / 47 / 0.285);
  EXPECT_GT(maps[0].abs()[32][47].item<double>(), 2 * maps[4].abs()[32][47].item<double>());  // coil 0 is on the right
}

class CoilEstimationMethod : public testing::TestWithParam<std::string> {};

// The least cosine over the head. ESPIRiT models the maps as sums of 6 x 6 harmonics, which 1 / z is not quite; the
// other two see the maps blurred to the resolution of the centre and mixed with its ringing at the edge.
TEST_P(CoilEstimationMethod, FindsTheMapsUpToAPhase) {
  const std::map<std::string, double> least{{"espirit", 0.999}, {"walsh", 0.995}, {"sum_of_squares", 0.995}};
  const at::Tensor truth = head(64, 48), maps = simulated_coil_maps(complex_image(64, 48), 6)[0];
  const at::Tensor phase =
      at::polar(at::ones({64, 48}, at::kDouble), 2 * at::linspace(-1, 1, 48, at::kDouble).expand({64, 48}));
  const at::Tensor columns = at::arange(48);
  const at::Tensor mask = (columns % 3 == 0).logical_or((columns - 24).abs() < 10).to(at::kDouble);
  const at::Tensor kspace = mask * fft2_centred(maps * truth * phase);
  CoilEstimation estimation;
  estimation.method = from_word<CoilMethod>(GetParam(), "test");
  const at::Tensor found = estimation.maps(kspace, "test");
  const auto [mean, lowest] = agreement(maps, found, truth > 0);
  EXPECT_GT(lowest, least.at(GetParam())) << mean;
  const at::Tensor energy = found.abs().square().sum(0);
  EXPECT_LT(farthest(energy.masked_select(truth > 0), at::ones({1})), 1e-5);
  // Smooth: from one pixel to the next the phase turns no faster than that of the true maps and their combination.
  const at::Tensor turn = (found.slice(2, 1) * found.slice(2, 0, -1).conj()).sum(0).angle().abs();
  EXPECT_LT(turn.masked_select((truth.slice(1, 1) > 0).logical_and(truth.slice(1, 0, -1) > 0)).max().item<double>(),
            0.5);
  if (GetParam() == "espirit") {
    EXPECT_NEAR(energy[0][0].item<double>(), 1, 1e-5) << "nothing is cropped unless asked for";
    estimation.crop = 0.8;
    const at::Tensor cropped = estimation.maps(kspace, "test");
    EXPECT_EQ(cropped.select(1, 0).select(1, 0).abs().max().item<double>(), 0) << "there is no image in the corner";
    EXPECT_GT(agreement(maps, cropped, truth > 0).second, least.at(GetParam()));
  }
}
std::string method_name(const testing::TestParamInfo<std::string>& tested) { return tested.param; }
INSTANTIATE_TEST_SUITE_P(All, CoilEstimationMethod, testing::ValuesIn(all_words<CoilMethod>()), method_name);

TEST(CoilEstimation, SinglePrecisionAndItemsOfAFileAlike) {
  const at::Tensor kspace = fft2_centred(simulated_coil_maps(complex_image(32, 32), 4)[0] * head(32, 32));
  const at::Tensor a = CoilEstimation().maps(kspace, "test"),
                   b = CoilEstimation().maps(kspace.to(at::kComplexFloat), "test");
  EXPECT_EQ(b.scalar_type(), at::kComplexFloat);
  // Rounding of 2^-24 in the data, amplified by the threshold of 0.001 on squared singular values: 1 / sqrt(0.001).
  EXPECT_LT(farthest(a, b), 1e-3);
}

TEST(Calibration, IsTheLargestSampledCentre) {
  at::Tensor kspace = at::ones({2, 20, 30}, at::kComplexDouble);
  kspace.slice(2, 0, 10).zero_();  // the centre is column 15: columns 10 .. 19 remain when it is grown evenly
  const at::Tensor centre = calibration_centre(kspace, 4, 100, "test");
  EXPECT_EQ(centre.sizes(), (std::vector<std::int64_t>{2, 20, 11}));  // 10 .. 20: 15 - 11 / 2 = 10
  EXPECT_EQ(calibration_centre(kspace, 4, 8, "test").sizes(), (std::vector<std::int64_t>{2, 8, 8}));
  kspace.select(2, 14).zero_();
  try {
    calibration_centre(kspace, 4, 24, "scan.h5");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find("at least 4 x 4 to calibrate from, found 20 x 1"), std::string::npos)
        << error.what();
  }
  kspace.select(2, 15).zero_();
  try {
    calibration_centre(kspace, 1, 24, "scan.h5");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("zero frequency, at [10, 15]"), std::string::npos) << error.what();
  }
}

TEST(Channels, WhiteningMakesNoiseWhite) {
  const at::Tensor mixing = draw({4, 4}, ScalarKind::complex);
  const std::int64_t n = 40000;
  const at::Tensor white = draw({4, n}, ScalarKind::complex, 1);  // std 1 per real component
  const at::Tensor covariance = noise_covariance(at::matmul(mixing, white), "test");
  // Wishart: an entry of the sample covariance is off by about |Psi| / sqrt(n).
  const at::Tensor expected = at::matmul(mixing, mixing.conj().t());
  EXPECT_LT(farthest(covariance, expected), 6 / std::sqrt(n) * expected.abs().max().item<double>());
  const at::Tensor whitened = mixed_channels(whitening_matrix(covariance), at::matmul(mixing, white));
  EXPECT_LT(farthest(noise_covariance(whitened, "test"), at::eye(4, at::kComplexDouble)), 1e-10);  // by construction
  EXPECT_THROW(noise_covariance(at::zeros({3, 50}, at::kComplexDouble), "test"), Error);
  EXPECT_THROW(noise_covariance(white.narrow(1, 0, 3), "test"), Error);
}

TEST(Channels, CompressionKeepsWhatLiesInFewDimensions) {
  const at::Tensor data = at::matmul(draw({8, 3}, ScalarKind::complex), draw({3, 500}, ScalarKind::complex, 1));
  const at::Tensor matrix = compression_matrix(data, 3);
  EXPECT_LT(farthest(at::matmul(matrix, matrix.conj().t()), at::eye(3, at::kComplexDouble)), 1e-12);
  const at::Tensor compressed = mixed_channels(matrix, data.view({8, 20, 25}));
  EXPECT_EQ(compressed.sizes(), (std::vector<std::int64_t>{3, 20, 25}));
  EXPECT_NEAR(compressed.abs().square().sum().item<double>() / data.abs().square().sum().item<double>(), 1, 1e-12);
  const double two = mixed_channels(compression_matrix(data, 2), data).abs().square().sum().item<double>();
  const double values = std::get<1>(at::linalg_svd(data)).square().narrow(0, 0, 2).sum().item<double>();
  EXPECT_NEAR(two / values, 1, 1e-12);  // Eckart & Young
}

TEST(Channels, RootSumOfSquaresAndCorners) {
  const at::Tensor data = draw({3, 8, 10}, ScalarKind::complex);
  EXPECT_LT(farthest(root_sum_of_squares(data).square(),
                     data[0].abs().square() + data[1].abs().square() + data[2].abs().square()),
            1e-13);
  at::Tensor kspace = at::ones({2, 32, 32}, at::kComplexDouble);
  const std::int64_t all = corner_samples(kspace, "test").size(1);
  EXPECT_NEAR(static_cast<double>(all) / 1024, 1 - M_PI / 4, 0.03);  // the square without its disk, on a coarse grid
  kspace.slice(2, 0, 16).zero_();
  EXPECT_NEAR(static_cast<double>(corner_samples(kspace, "test").size(1)), static_cast<double>(all) / 2, 32);
  kspace.slice(2, 24).zero_();
  kspace.slice(2, 0, 24).slice(1, 0, 31).zero_();
  EXPECT_THROW(corner_samples(kspace, "test"), Error);
}

TEST(Channels, BackgroundHoldsTheNoiseWhereCornersHoldTheImageToo) {
  const double noise_std = 0.01;
  const at::Tensor maps = simulated_coil_maps(complex_image(96, 80), 6)[0];
  const at::Tensor noise = draw({6, 96, 80}, ScalarKind::complex, 3) * noise_std;
  const at::Tensor columns = at::arange(80);
  const at::Tensor mask = (columns % 2 == 0).logical_or((columns - 40).abs() < 10).to(at::kDouble);
  const at::Tensor kspace = mask * (fft2_centred(maps * head(96, 80)) + noise);
  const auto level = [](const at::Tensor& samples) {
    return std::sqrt(at::real(noise_covariance(samples, "test").diagonal()).mean().item<double>());
  };
  const at::Tensor background = background_samples(kspace, "test");
  EXPECT_EQ(background.size(1), 2 * 12 * 10);
  // 240 samples in each of 6 coils: 2 %; what is chosen on the other columns is not chosen low.
  EXPECT_NEAR(level(background) / noise_std, 1, 0.06);
  EXPECT_GT(level(corner_samples(kspace, "test")), 1.1 * level(background));
  const at::Tensor few = kspace * (at::arange(96) > 3).view({-1, 1});  // no readout is complete
  EXPECT_EQ(background_samples(few, "test").size(1), corner_samples(few, "test").size(1));
}

TEST(Channels, MapsComeBackToTheFilesCoils) {
  const at::Tensor maps = simulated_coil_maps(complex_image(12, 10), 4)[0], matrix = draw({4, 4}, ScalarKind::complex);
  const at::Tensor mixed = mixed_channels(at::linalg_inv(matrix), maps);
  const at::Tensor unit = mixed / root_sum_of_squares(mixed);  // as estimation gives them
  EXPECT_LT(farthest(in_units_of_file_coils(matrix, unit), mixed), 1e-10);
  const auto op = build_linear(
      R"({"type": "sense", "pattern": "full", "coil_maps": [[[1, 2]], [[3, 4]]], "file_coils": [[2, 0], [0, 1]],
          "sample_weights": [[0.5, 1]]})",
      complex_image(1, 2));
  const at::Tensor x = at::ones({1, 1, 1, 2}, at::kComplexDouble), y = op->apply(x)[0];
  const at::Tensor scaled =
      at::tensor({1.0, 2.0, 3.0, 4.0}).view({2, 1, 2}) / at::tensor({std::sqrt(13.0), std::sqrt(32.0)}).view({1, 1, 2});
  const at::Tensor expected = at::tensor({0.5, 1.0}) * fft2_centred(scaled.to(at::kComplexDouble));
  EXPECT_LT(farthest(y, expected), 1e-12);
  EXPECT_TRUE(check_operator(*op).all_hold());
}

// Random coils, mixed and whitened by random covariances: the image that combines them, by maps in the units of the
// file's coils, is sum conj(S) y / sum |S|² of the unmixed ones where their maps have unit length.
TEST(Channels, WhiteningLeavesTheImageInTwoHundredRandomCases) {
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::int64_t coils = 2 + i % 5, height = 3 + i % 7, width = 2 + i % 5;
    const at::Tensor raw = draw({coils, height, width}, ScalarKind::complex, 3 * i);
    const at::Tensor maps = raw / root_sum_of_squares(raw);
    const at::Tensor x = draw({height, width}, ScalarKind::complex, 3 * i + 1);
    const at::Tensor root = draw({coils, coils}, ScalarKind::complex, 3 * i + 2);
    const at::Tensor covariance = at::matmul(root, root.conj().t()) + 0.1 * at::eye(coils, root.options());
    const at::Tensor white = whitening_matrix(covariance);
    EXPECT_LT(farthest(at::matmul(at::matmul(white, covariance), white.conj().t()), at::eye(coils, root.options())),
              1e-9);
    const at::Tensor y = mixed_channels(white, maps * x), mixed = mixed_channels(white, maps);
    const at::Tensor found = in_units_of_file_coils(at::linalg_inv(white), mixed / root_sum_of_squares(mixed));
    const at::Tensor image = (found.conj() * y).sum(0) / found.abs().square().sum(0);
    EXPECT_LT(farthest(image.abs(), x.abs()), 1e-9 * (1 + x.abs().max().item<double>())) << i;
  }
}

// The cut field of view against the sum over all frequencies and pixels that it stands for.
TEST(Channels, TheFieldOfViewIsCutInTwoHundredRandomCases) {
  const auto dft = [](std::int64_t n) {  // centred and unitary, [frequency, pixel]
    const at::Tensor k = at::arange(n, at::kDouble) - static_cast<double>(n / 2);
    const at::Tensor angle = k.view({-1, 1}) * k * (-2 * M_PI / static_cast<double>(n));
    return at::polar(at::full_like(angle, 1 / std::sqrt(static_cast<double>(n))), angle);
  };
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::int64_t all = 2 + i % 11, kept = 1 + (i / 11) % all, other = 1 + i % 4;
    const at::Tensor kspace = draw({2, all, other}, ScalarKind::complex, 700 + i);
    const at::Tensor image = at::matmul(dft(all).conj().t(), kspace).narrow(1, all / 2 - kept / 2, kept);
    const at::Tensor expected = at::matmul(dft(kept), image);
    EXPECT_LT(farthest(field_of_view_cropped(kspace, -2, kept), expected), 1e-10) << all << " " << kept;
    const at::Tensor turned = kspace.transpose(1, 2).contiguous();
    EXPECT_LT(farthest(field_of_view_cropped(turned, -1, kept), expected.transpose(1, 2)), 1e-10) << all << " " << kept;
  }
}

TEST(Sense, KnowsThePixelsThatNoCoilSees) {
  at::Tensor maps = simulated_coil_maps(complex_image(8, 8), 3)[0].clone();
  const at::Tensor mask = at::ones({8, 8});
  EXPECT_FALSE(seen_pixels(*make_sense(complex_image(8, 8), maps, mask, "full", "test")).defined());
  maps.slice(2, 0, 3).zero_();
  const auto op = make_sense(complex_image(8, 8), maps, mask, "full", "test");
  const at::Tensor seen = seen_pixels(*op);
  ASSERT_TRUE(seen.defined());
  EXPECT_TRUE(at::equal(seen[0], (at::arange(8) >= 3).to(at::kDouble).expand({8, 8})));
  EXPECT_TRUE(check_operator(*op).all_hold());
  EXPECT_TRUE(at::equal(seen_pixels(*with_phase(op, at::zeros({1, 1, 8, 8}))), seen));
}

TEST(ImagePhase, IsFoundInTheCentreOfUndersampledData) {
  const TensorSpec image = complex_image(64, 64);
  const at::Tensor v = at::linspace(-1, 1, 64, at::kDouble).view({-1, 1}), h = v.t();
  const at::Tensor phase = 0.8 * v + 1.2 * h * h - 0.5 * v * h + 0.3;
  const at::Tensor truth = head(64, 64), x = at::polar(truth, phase.expand_as(truth).contiguous()).view({1, 1, 64, 64});
  const auto op = build_operator(R"({"type": "sense", "coils": 4, "acceleration": 3, "center_lines": 16})", image);
  const at::Tensor found = smooth_phase(op, op->apply(x));
  const at::Tensor error = (at::polar(at::ones_like(found), found)[0][0] /
                            at::polar(at::ones_like(truth), phase.expand_as(truth).contiguous()))
                               .angle()
                               .abs();
  EXPECT_LT(error.masked_select(truth > 0).mean().item<double>(), 0.008);
  const OperatorPtr real = with_phase(op, found);
  EXPECT_EQ(real->domain(), (TensorSpec{{1, 64, 64}, ScalarKind::real}));
  EXPECT_TRUE(check_operator(*real).all_hold());
  // Knowing of a noise that is next to nothing changes nothing where there is signal.
  const at::Tensor knowing = smooth_phase(op, op->apply(x), at::full({}, 1e-12, at::kDouble));
  EXPECT_LT((knowing - found)[0][0].masked_select(truth > 0.1).abs().max().item<double>(), 0.001);
  // With the true phase the real image explains the data exactly.
  const OperatorPtr exact = with_phase(op, phase.expand_as(truth).view({1, 1, 64, 64}));
  EXPECT_LT(farthest(exact->apply(truth.view({1, 1, 64, 64})), op->apply(x)), 1e-13);
}

// Where there is nothing but noise its own phase would turn it into something positive.
TEST(ImagePhase, IsNotThatOfTheNoise) {
  const TensorSpec image = complex_image(96, 96);
  const at::Tensor ramp = at::linspace(-1, 1, 96, at::kDouble).view({-1, 1}), phase = ramp + 0.5 * ramp.t();
  const at::Tensor truth = at::constant_pad_nd(head(48, 48), {24, 24, 24, 24});
  const at::Tensor turn = at::polar(at::ones_like(phase), phase);
  const auto op = build_operator(R"({"type": "sense", "coils": 4, "acceleration": 2, "center_lines": 16})", image);
  const double std = 0.05;
  const at::Tensor clean = op->apply((truth * turn).view({1, 1, 96, 96}));
  const at::Tensor noise = std * Rng(1, "noise").normal({{}}, 0, op->range(), clean.options());
  const at::Tensor air = at::constant_pad_nd(at::ones({64, 64}, at::kDouble), {16, 16, 16, 16}).eq(0);
  const auto share_of_positive = [&](const at::Tensor& found) {
    const at::Tensor seen = as_linear(with_phase(op, found), "test")->adjoint(noise)[0][0].masked_select(air);
    return (seen.mean() / seen.square().mean().sqrt()).item<double>();
  };
  const at::Tensor of_all = smooth_phase(op, clean + noise);
  const at::Tensor of_signal = smooth_phase(op, clean + noise, at::full({}, std * std, at::kDouble));
  EXPECT_GT(share_of_positive(of_all), 0.2) << "what is to be avoided";
  EXPECT_LT(std::abs(share_of_positive(of_signal)), 0.05);
  const at::Tensor error = (at::polar(at::ones_like(of_signal), of_signal)[0][0] / turn).angle().abs();
  EXPECT_LT(error.masked_select(truth > 0).mean().item<double>(), 0.03);
}

}  // namespace
}  // namespace recon
