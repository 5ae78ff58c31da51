// Raw k-space becomes measurements whose operator explains them. Files of scanners are in
// tests/commands/import_test.cpp.
#include "recon/pipeline/import/raw_import.h"

#include <ATen/ATen.h>

#include "operators/fourier/fft.h"
#include "operators/mri/channels.h"
#include "recon/core/rng.h"
#include "recon/pipeline/import/map_error.h"
#include "recon/pipeline/items/item_source.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

constexpr std::int64_t side = 32, coil_count = 4;

/// A disc seen by coils whose sensitivities fall off from four corners; noise of `noise_std`.
KspaceSet raw_data(double noise_std, std::int64_t slices = 2) {
  const at::Tensor u = at::linspace(-1, 1, side, at::kDouble);
  const at::Tensor x = u.unsqueeze(0), y = u.unsqueeze(1);
  const at::Tensor disc = ((x * x + y * y) < 0.5).to(at::kDouble);
  std::vector<at::Tensor> coils;
  for (const double cx : {-1.0, 1.0}) {
    for (const double cy : {-1.0, 1.0}) {
      coils.push_back(at::exp(-((x - cx).square() + (y - cy).square()) / 4) * disc);
    }
  }
  const at::Tensor images = at::stack(coils).unsqueeze(0).expand({slices, -1, -1, -1});
  KspaceSet set;
  set.format = "test";
  set.kspace = fft2_centred(images.to(at::kComplexDouble));
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < slices; ++i) {
    keys.push_back({static_cast<std::uint64_t>(i), 0});
    set.ids.push_back("slice" + std::to_string(i));
  }
  const TensorSpec spec{{coil_count, side, side}, ScalarKind::complex};
  set.kspace = (set.kspace + noise_std * Rng(1, "raw").normal(keys, 0, spec, at::kComplexDouble)).to(at::kComplexFloat);
  return set;
}

ImportPlan plan_of(const std::string& options) { return read_import_plan(Config::from_text(options, "recon import")); }

std::string complaint_of(const std::string& options, const KspaceSet& set) {
  try {
    import_kspace(set, plan_of(options), "raw.h5");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RawImport, TheOperatorExplainsTheData) {
  const MeasurementSet set = import_kspace(raw_data(1e-3), plan_of("noise: none\n"), "raw.h5").set;
  EXPECT_EQ(set.ids, (std::vector<std::string>{"slice0", "slice1"}));
  EXPECT_EQ(set.header.image.to_string(), "complex [1, 32, 32]");
  EXPECT_EQ(set.header.noise, Noise{});
  ASSERT_TRUE(set.ground_truth.defined()) << "fully sampled";
  EXPECT_NEAR(set.ground_truth.abs().max().item<double>(), 1, 0.2) << "white is 1";
  ItemSource items = ItemSource::of(set, "m.h5", {});
  const PreparedItem item = items.prepare(0, c10::kCPU);
  const at::Tensor explained = item.op->apply(item.ground_truth.to(at::kComplexFloat));
  EXPECT_LT((explained - item.y).norm().item<double>(), 0.1 * item.y.norm().item<double>());
}

TEST(RawImport, WhitenedCoilsHaveOneNoiseLevel) {
  const KspaceSet raw = raw_data(0.05);
  const MeasurementSet set = import_kspace(raw, plan_of("noise: corners\n"), "raw.h5").set;
  EXPECT_EQ(set.header.noise.type, NoiseType::gaussian);
  ASSERT_EQ(set.header.noise.std.size(), 1U);
  const at::Tensor corner = at::view_as_real(set.y.slice(2, 0, 4).slice(3, 0, 4));
  EXPECT_NEAR(corner.std().item<double>() / set.header.noise.std.front(), 1, 0.2);
}

TEST(RawImport, CoilsAreCompressedAndSamplesLeftOutWhenAsked) {
  const MeasurementSet few = import_kspace(raw_data(1e-3), plan_of("noise: none\ncoils: 2\n"), "raw.h5").set;
  EXPECT_EQ(few.y.size(1), 2);
  const MeasurementSet under =
      import_kspace(raw_data(1e-3),
                    plan_of("noise: none\nundersampling: {pattern: cartesian_random, acceleration: 4}\n"), "raw.h5")
          .set;
  const at::Tensor mask = under.header.operator_arrays.at("mask");
  EXPECT_LT(mask.to(at::kDouble).mean().item<double>(), 0.4);
  EXPECT_TRUE((under.y * (mask == 0)).eq(0).all().item<bool>());
  EXPECT_TRUE(under.ground_truth.defined()) << "made before samples were left out";
}

TEST(RawImport, WrongRequestsSayWhatToDo) {
  test::expect_says(complaint_of("noise: scan\n", raw_data(0.01)), {"raw.h5", "no noise scan", "corners or none"});
  KspaceSet gaps = raw_data(0.01);
  gaps.kspace.slice(3, 0, side / 4).zero_();
  test::expect_says(complaint_of("noise: none\ncoil_maps: later\nundersampling: {acceleration: 2}\n", gaps),
                    {"undersampled already"});
  try {
    plan_of("coil_maps: file\n");
    FAIL() << "maps_file is missing";
  } catch (const Error& error) {
    test::expect_says(error.what(), {"coil_maps", "maps_file"});
  }
}

// Maps that are off by what is orthogonal to them, and noise: both are found.
TEST(RawImport, TheErrorOfMapsIsFoundInTwoHundredRandomCases) {
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::int64_t coils = 2 + i % 6;
    const auto draw = [&](const Shape& shape, std::uint32_t step) {
      return Rng(4, "map errors").normal({StreamKey{i, 0}}, step, {shape, ScalarKind::complex}, at::kDouble)[0];
    };
    const at::Tensor raw = draw({coils, 16, 20}, 0), maps = raw / root_sum_of_squares(raw);
    const at::Tensor other = draw({coils, 16, 20}, 1), x = draw({16, 20}, 2);
    const at::Tensor error = 0.1 * (other - maps * (maps.conj() * other).sum(0)) * x;
    const double noise_std = 0.01 * static_cast<double>(i % 3);
    const at::Tensor kspace = fft2_centred(maps * x + error) + noise_std * draw({coils, 16, 20}, 3);
    const double expected = std::sqrt(error.abs().square().mean().item<double>() / 2);
    // 5 standard errors of the mean of that many squares of the noise.
    EXPECT_NEAR(map_error(kspace, maps, noise_std), expected,
                1e-9 + 5 * noise_std * noise_std / expected / std::sqrt(2.0 * 320 * static_cast<double>(coils - 1)) +
                    5 * noise_std / std::sqrt(2.0 * 320 * static_cast<double>(coils)))
        << i;
    EXPECT_LT(map_error(fft2_centred(maps * x), maps, 0), 1e-6 * (1 + x.abs().max().item<double>()));
    EXPECT_NEAR(sample_level(kspace, 2),
                std::sqrt(kspace.narrow(1, 2, 12).narrow(2, 2, 16).abs().square().mean().item<double>() / 2), 1e-12);
  }
}

TEST(RawImport, AFileIsNotWrittenOverItself) {
  const auto folder = test::scratch_folder();
  const std::string path = (folder / "raw.h5").string();
  test::write_text(path, "precious");
  try {
    import_file(path, path, plan_of(""), true);
    FAIL() << "it would be lost";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    test::expect_says(error.what(), {"raw.h5", "source itself"});
  }
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace recon
