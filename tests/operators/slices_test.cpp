// Operators on the slices of a volume are the two-dimensional ones, slice by slice; the blur of three dimensions.
#include "operators/combinations/slices.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/blur/blur.h"
#include "operators/blur/volume_blur.h"
#include "operators/inverse_filter.h"
#include "operators/mri/seen_pixels.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

const TensorSpec kVolume{{2, 3, 12, 10}, ScalarKind::real}, kSlice{{2, 12, 10}, ScalarKind::real};

at::Tensor normal(const TensorSpec& spec, std::uint32_t step = 0) {
  return Rng(3, "slices test").normal({{0, 0}, {1, 0}}, step, spec, at::kDouble);
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

void expect_same_on_slices(const OperatorPtr& whole, const std::vector<OperatorPtr>& parts) {
  const at::Tensor x = normal(whole->domain());
  const at::Tensor y = whole->apply(x), v = normal(whole->range(), 1), back = whole->vjp(x, v);
  for (std::int64_t d = 0; d < x.size(2); ++d) {
    const Operator& part = *parts[parts.size() == 1 ? 0 : static_cast<std::size_t>(d)];
    EXPECT_LT(largest(y.select(1, d) - part.apply(x.select(2, d).contiguous())), 1e-12) << part.name();
    EXPECT_LT(largest(back.select(2, d) - part.vjp(x.select(2, d).contiguous(), v.select(1, d).contiguous())), 1e-12);
  }
}

TEST(Slices, AreTheOperatorOnEverySlice) {
  for (const char* json : {R"({"type": "blur", "std_px": 1, "boundary": "reflect"})",
                           R"({"type": "fourier", "acceleration": 2})", R"({"type": "radon", "angles": 5})",
                           R"({"type": "super_resolution", "factor": 2})", R"({"type": "clipping", "softness": 0.3})",
                           R"({"type": "stack", "operators": [{"type": "identity"}, {"type": "blur"}]})"}) {
    const OperatorPtr part = build_operator(json, kSlice);
    const OperatorPtr whole = build_operator(std::string(R"({"type": "slices", "of": [)") + json + "]}", kVolume);
    expect_same_on_slices(whole, {part});
    EXPECT_EQ(whole->measured_components(), 3 * part->measured_components()) << json;
    EXPECT_EQ(whole->is_linear(), part->is_linear()) << json;
    EXPECT_EQ(whole->window(), part->window()) << json;
  }
}

TEST(Slices, MayEachHaveTheirOwn) {
  const auto mask = [](int seed) {
    return fmt::format(R"({{"type": "inpainting", "missing_fraction": 0.5, "seed": {}}})", seed);
  };
  std::vector<OperatorPtr> parts;
  for (int seed = 1; seed <= 3; ++seed) parts.push_back(build_operator(mask(seed), kSlice));
  const OperatorPtr whole =
      build_operator(R"({"type": "slices", "of": [)" + mask(1) + "," + mask(2) + "," + mask(3) + "]}", kVolume);
  expect_same_on_slices(whole, parts);
  EXPECT_EQ(whole->support().sizes(), at::IntArrayRef({3, 2, 12, 10}));
  EXPECT_LT(largest(whole->support()[1] - parts[1]->support()), 1e-15);
  EXPECT_THROW(build_operator(R"({"type": "slices", "of": [)" + mask(1) + "," + mask(2) + "]}", kVolume), Error);
}

TEST(Slices, KnowWhatTheirOperatorKnows) {
  const auto slices = [](const std::string& json) {
    return build_linear(R"({"type": "slices", "of": [)" + json + "]}", kVolume);
  };
  EXPECT_TRUE(slices(R"({"type": "blur"})")->spectral().has_value());
  EXPECT_FALSE(slices(R"({"type": "blur", "boundary": "zero"})")->spectral().has_value());
  EXPECT_TRUE(slices(R"({"type": "identity"})")->is_unitary());
  const auto flat = [](double, double) { return 1.0; };
  const LinearOperatorPtr projections = slices(R"({"type": "radon", "angles": 5})");
  const DataFilter filter = inverse_filter_of(*projections, flat);
  ASSERT_TRUE(static_cast<bool>(filter));
  const at::Tensor y = normal(projections->range());
  const DataFilter of_slice = inverse_filter_of(*build_operator(R"({"type": "radon", "angles": 5})", kSlice), flat);
  EXPECT_LT(largest(filter(y).select(1, 2) - of_slice(y.select(1, 2).contiguous())), 1e-12);
  EXPECT_FALSE(static_cast<bool>(inverse_filter_of(*slices(R"({"type": "blur"})"), flat)));
}

TEST(Slices, RefuseImagesAndPointFromImagesToThem) {
  EXPECT_THROW(build_operator(R"({"type": "slices", "of": [{"type": "blur"}]})", kSlice), Error);
  try {
    build_operator(R"({"type": "radon"})", kVolume);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("use `slices`"), std::string::npos) << error.what();
  }
}

/// The definition, entry by entry, with darkness outside.
at::Tensor direct_convolution(const at::Tensor& x, const at::Tensor& k) {
  at::Tensor y = at::zeros_like(x);
  const std::int64_t c[] = {k.size(0) / 2, k.size(1) / 2, k.size(2) / 2};
  const auto xs = x.accessor<double, 5>();
  auto ys = y.accessor<double, 5>();
  const auto ks = k.accessor<double, 3>();
  for (std::int64_t n = 0; n < x.size(0) * x.size(1); ++n) {
    const std::int64_t b = n / x.size(1), channel = n % x.size(1);
    for (std::int64_t z = 0; z < x.size(2); ++z)
      for (std::int64_t i = 0; i < x.size(3); ++i)
        for (std::int64_t j = 0; j < x.size(4); ++j)
          for (std::int64_t p = 0; p < k.size(0); ++p)
            for (std::int64_t q = 0; q < k.size(1); ++q)
              for (std::int64_t r = 0; r < k.size(2); ++r) {
                const std::int64_t zz = z - p + c[0], ii = i - q + c[1], jj = j - r + c[2];
                const bool inside = zz >= 0 && zz < x.size(2) && ii >= 0 && ii < x.size(3) && jj >= 0 && jj < x.size(4);
                if (inside) ys[b][channel][z][i][j] += ks[p][q][r] * xs[b][channel][zz][ii][jj];
              }
  }
  return y;
}

TEST(VolumeBlur, IsTheConvolutionOfThreeDimensions) {
  const TensorSpec volume{{2, 5, 7, 8}, ScalarKind::real};
  const at::Tensor kernel = Rng(1, "kernel").normal({{0, 0}}, 0, {{2, 3, 4}, ScalarKind::real}, at::kDouble)[0];
  const at::Tensor x = normal(volume);
  const at::Tensor expected = direct_convolution(x, kernel);
  EXPECT_LT(largest(make_volume_blur(volume, kernel, Boundary::zero, "test")->apply(x) - expected), 1e-12);
  // What is not decided by darkness is the same whatever lies outside.
  const LinearOperatorPtr unknown = make_volume_blur(volume, kernel, Boundary::unknown, "test");
  ASSERT_TRUE(unknown->window().has_value());
  EXPECT_EQ(unknown->range().shape, (Shape{2, 4, 5, 5}));
  EXPECT_LT(largest(unknown->apply(x) - unknown->window()->of(expected)), 1e-12);
  const at::Tensor wrapped = make_volume_blur(volume, kernel, Boundary::circular, "test")->apply(x);
  EXPECT_LT(largest(unknown->window()->of(wrapped - expected)), 1e-12);
  const at::Tensor mirrored = make_volume_blur(volume, kernel, Boundary::reflect, "test")->apply(x);
  EXPECT_LT(largest(unknown->window()->of(mirrored - expected)), 1e-12);
  EXPECT_LT(
      largest(make_volume_blur(volume, kernel, Boundary::reflect, "test")->apply(at::ones_like(x)) - kernel.sum()),
      1e-12);
}

TEST(VolumeBlur, WithinSlicesIsTheBlurOfEach) {
  const at::Tensor kernel = Rng(1, "kernel").normal({{0, 0}}, 0, {{3, 4}, ScalarKind::real}, at::kDouble)[0];
  for (const Boundary boundary : {Boundary::circular, Boundary::zero, Boundary::reflect}) {
    const LinearOperatorPtr whole = make_volume_blur(kVolume, kernel.unsqueeze(0), boundary, "test");
    const LinearOperatorPtr part = make_blur(kSlice, kernel, boundary, "test");
    const at::Tensor x = normal(kVolume), y = whole->apply(x);
    for (std::int64_t d = 0; d < 3; ++d) {
      EXPECT_LT(largest(y.select(2, d) - part->apply(x.select(2, d).contiguous())), 1e-12) << to_string(boundary);
    }
  }
}

TEST(VolumeBlur, TakesAGaussianOfTwoWidths) {
  const TensorSpec volume{{1, 15, 16, 16}, ScalarKind::real};
  const OperatorPtr op = build_operator(R"({"type": "blur", "std_px": 1, "std_z_px": 2, "boundary": "zero"})", volume);
  at::Tensor point = at::zeros({1, 1, 15, 16, 16}, at::kDouble);
  point[0][0][7][8][8] = 1;
  const at::Tensor spread = op->apply(point)[0][0];
  const auto variance = [&](std::int64_t axis) {
    const at::Tensor profile = axis == 0 ? spread.sum(at::IntArrayRef{1, 2}) : spread.sum(at::IntArrayRef{0, 1});
    const at::Tensor at_ = at::arange(profile.size(0), at::kDouble);
    const at::Tensor middle = (at_ * profile).sum() / profile.sum();
    return ((at_ - middle).square() * profile).sum().item<double>() / profile.sum().item<double>();
  };
  EXPECT_NEAR(variance(2), 1, 0.01);  // sampled at whole pixels, cut at 4 std
  EXPECT_NEAR(variance(0), 4, 0.15);  // cut at 3.5 std by the 15 slices
  EXPECT_NEAR(spread.sum().item<double>(), 1, 1e-12);
  const TensorSpec image{{1, 16, 16}, ScalarKind::real};
  EXPECT_THROW(build_operator(R"({"type": "blur", "std_px": 1, "std_z_px": 2})", image), Error);
  EXPECT_THROW(build_operator(R"({"type": "blur", "shape": "disk", "std_z_px": 2})", volume), Error);
}

}  // namespace
}  // namespace recon
