// Networks that Python exported.
#include "priors/networks/torchscript_network.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/checkpoints/golden.h"
#include "priors/load_prior.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecord = fs::path(test::source_path("tests/golden/torchscript/scripted"));

// The same operations of the same library: rounding only.
TEST(TorchScript, EqualsTheModuleInPython) {
  const GoldenReport report = check_golden(kRecord, kRecord / "golden.safetensors");
  EXPECT_LT(report.output_error, 1e-6);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, 1e-6);
  // Its executor specialises a graph after the first calls.
  for (int i = 0; i < 3; ++i) EXPECT_LT(check_golden(kRecord, kRecord / "golden.safetensors").largest_error(), 1e-6);
}

TEST(TorchScript, IsAPrior) {
  const PriorPtr prior = load_prior(kRecord.string());
  EXPECT_TRUE(prior->learns_variance());
  EXPECT_TRUE(prior->domain().fixed_size.empty());
  const at::Tensor x = at::full({2, 1, 8, 8}, 0.25);
  const NoiseLevel level = prior->schedule().at(500);
  const Linearized linear = prior->linearize(x, level);
  EXPECT_TRUE(at::allclose(linear.x0, prior->denoise(x, level)));
  EXPECT_EQ(linear.pullback(x).sizes(), x.sizes());
  const PriorSummary summary = inspect_prior(kRecord.string());
  EXPECT_EQ(summary.parameters, 122);  // 4 (9 + 1), 2 (36 + 1), 4 (1 + 1)
  EXPECT_EQ(summary.weight_types, "TorchScript");
}

TEST(TorchScript, IsLoadedOnlyWhereTheCardSaysSo) {
  const fs::path folder = test::scratch_folder();
  fs::copy(kRecord, folder, fs::copy_options::recursive);
  const auto load = [&](const std::string& card) {
    test::write_text(folder / "prior.yaml",
                     card + "\nprediction: epsilon\nschedule: vp_linear\nvalue_range: [-1, 1]\n");
    return test::complaint([&] {
      const PriorPtr prior = load_prior(folder.string());
      prior->denoise(at::zeros({1, prior->domain().channels, 8, 8}), prior->schedule().at(500));
    });
  };
  test::expect_says(load("architecture: adm\nweights: model.pt"), {"model.pt", "TorchScript module", "program"});
  test::expect_says(load("architecture: torchscript"), {"weights: FILE"});
  test::expect_says(load("architecture: torchscript\nweights: golden.safetensors"),
                    {"golden.safetensors", "not a TorchScript module"});
  test::expect_says(load("architecture: {type: torchscript, in_channels: 1}\nweights: model.pt"),
                    {"gave", "[1, 2, 8, 8]", "expected float32 [1, 1, 8, 8]"});
  test::expect_says(load("architecture: {type: torchscript, in_channels: 3, learn_sigma: true}\nweights: model.pt"),
                    {"forward(x, t) fails"});
  EXPECT_EQ(load("architecture: {type: torchscript, in_channels: 1, learn_sigma: true}\nweights: model.pt"), "");
}

}  // namespace
}  // namespace recon
