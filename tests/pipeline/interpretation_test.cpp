// Wrong cards are found with a real network and a real photograph, which it has not seen; see
// tests/priors/interpretation_search_test.cpp for exact denoisers.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <fstream>
#include <functional>

#include "priors/diagnostics/interpretation_search.h"
#include "priors/load_prior.h"
#include "recon/pipeline/inspect/prior_inspection.h"
#include "recon/pipeline/items/image_collection.h"
#include "tests/priors/acting_network.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using D = NetworkPriorDescription;

struct Case {
  const char* name;
  std::function<void(D&)> is, said;
};

std::vector<Case> cases() {
  const auto nothing = [](D&) {};
  const auto kind = [](Prediction prediction) { return [=](D& d) { d.prediction = prediction; }; };
  const auto low = [](D& d) { d.domain.low = 0; };
  return {{"EpsilonLabelledV", nothing, kind(Prediction::v)},
          {"VLabelledEpsilon", kind(Prediction::v), nothing},
          {"X0LabelledV", kind(Prediction::x0), kind(Prediction::v)},
          {"ScoreLabelledEpsilon", kind(Prediction::score), nothing},
          {"ZeroToOneLabelledMinusOneToOne", low, nothing},
          {"MinusOneToOneLabelledZeroToOne", nothing, low},
          {"CosineLabelledLinear", [](D& d) { d.schedule = NoiseSchedule::vp_cosine(); }, nothing},
          {"LinearLabelledScaledLinear", nothing, [](D& d) { d.schedule = NoiseSchedule::vp_scaled_linear(); }},
          {"SigmaConditionedLabelledTimestep", [](D& d) { d.time_input = TimeInput::relative_sigma; }, nothing},
          {"TimestepLabelledEdmNoise", nothing, [](D& d) { d.time_input = TimeInput::edm_noise; }},
          {"EdmLabelledEpsilon",
           [](D& d) {
             d.schedule = NoiseSchedule(EdmRhoSchedule{});
             d.prediction = Prediction::edm;
             d.time_input = TimeInput::edm_noise;
           },
           nothing},
          {"FlowLabelledV",
           [](D& d) {
             d.schedule = NoiseSchedule(FlowSchedule{});
             d.prediction = Prediction::flow_to_noise;
             d.time_scale = 1000;
           },
           kind(Prediction::v)}};
}

struct Picture {
  const char *prior, *file;  ///< neither prior has seen its own
};

class ReadingOf : public testing::TestWithParam<Picture> {};

TEST_P(ReadingOf, IsFoundWithANetworkAndAPicture) {
  const PriorPtr prior = load_prior(GetParam().prior);
  ImageDomain unit;
  unit.low = 0;
  const at::Tensor image =
      open_image_collection({test::source_path("data/samples/") + GetParam().file}, unit, {0, 1}).image(0);
  const at::Tensor crops =
      at::stack({image.narrow(1, 0, 64).narrow(2, 64, 64), image.narrow(1, 64, 64).narrow(2, 0, 64)});
  const c10::InferenceMode no_graph;
  for (const auto& [name, change, mislabel] : cases()) {
    D is{.name = name,
         .domain = {.channels = 1, .fixed_size = {}},
         .schedule = NoiseSchedule::vp_linear(),
         .prediction = Prediction::epsilon};
    D said = is;
    change(is);
    mislabel(said);
    const test::ActingNetwork network(prior, is);
    const InterpretationSearch wrong = search_interpretations(network, said, crops.contiguous(), Rng(0, "reading"));
    const D& best = wrong.best.description;
    const InterpretationSearch right = search_interpretations(network, is, crops.contiguous(), Rng(0, "reading"));
    fmt::print("{}: {} ({:.2f} times the error under the card; under the right one {:.4f})\n", name,
               fmt::join(wrong.differences(), "; "), wrong.ratio(), right.ratio());
    EXPECT_FALSE(wrong.card_agrees()) << name;
    EXPECT_EQ(best.prediction, is.prediction) << name << " " << to_string(best.prediction);
    EXPECT_EQ(best.schedule.name(), is.schedule.name()) << name;
    EXPECT_EQ(best.time_input, is.time_input) << name << " " << to_string(best.time_input);
    EXPECT_EQ(best.time_scale, is.time_scale) << name;
    EXPECT_EQ(best.scaling(), is.scaling()) << name;
    EXPECT_EQ(best.domain.low, is.domain.low) << name;
    EXPECT_EQ(best.domain.high, is.domain.high) << name;
    EXPECT_TRUE(right.card_agrees()) << name << fmt::format(" {}", fmt::join(right.differences(), "; "));
  }
}

INSTANTIATE_TEST_SUITE_P(Slow, ReadingOf,
                         testing::Values(Picture{"natural_gray", "photograph.png"}, Picture{"brain_mri", "brain.png"}),
                         [](const auto& instance) { return instance.param.prior; });

// The shipped priors' own cards, and one of them with a wrong word.
TEST(SlowReading, OfAPriorsFolderIsCheckedAndPrinted) {
  const auto reading = [](const std::string& prior, const std::string& images) {
    const Inspection inspection = inspect_prior(prior, true, images);
    fmt::print("{}: {}\n", prior, inspection.found["network_wants"].dump());
    return inspection;
  };
  const std::string samples = test::source_path("data/samples/");
  EXPECT_TRUE(reading("natural_gray", "").passed);
  EXPECT_TRUE(reading("brain_mri", samples + "brain.png").passed);
  const fs::path folder = test::scratch_folder();
  fs::copy(fs::path(test::source_path("priors/weights/natural_gray")), folder, fs::copy_options::recursive);
  std::ifstream file(folder / "prior.yaml");
  std::string card{std::istreambuf_iterator<char>(file), {}};
  card.replace(card.find("prediction: v"), 13, "prediction: epsilon");
  test::write_text(folder / "prior.yaml", card);
  const Inspection wrong = reading(folder.string(), "");
  EXPECT_FALSE(wrong.passed);
  EXPECT_EQ(wrong.found["network_wants"].dump(), R"(["prediction: v, not epsilon"])");
  test::expect_says(wrong.found["card_to_paste"].get<std::string>(), {"prediction: v\n", "value_range: [-1, 1]\n"});
  test::expect_says(wrong.found["checked_on"].get<std::string>(), {"photograph", "--images"});
}

// The module can reshape to 136 x 144 only, a size that the crops of other priors and the shipped pictures do not have.
TEST(ReadingOfATorchScriptModule, IsTriedOnImagesOfItsOwnSize) {
  const fs::path folder = test::scratch_folder();
  torch::jit::Module module("Fixed");
  module.register_parameter("gain", at::ones({1}), false);
  module.define("def forward(self, x, t):\n  return self.gain * x.reshape(-1, 1, 136, 144)\n");
  module.save((folder / "model.pt").string());
  test::write_text(folder / "prior.yaml",
                   "architecture: {type: torchscript, in_channels: 1}\nweights: model.pt\nsize: [136, 144]\n"
                   "prediction: epsilon\nschedule: vp_linear\nvalue_range: [-1, 1]\n");
  const Inspection inspection = inspect_prior(folder.string(), true, "");
  EXPECT_FALSE(inspection.passed);  // it is no denoiser, and says so of itself
  EXPECT_TRUE(inspection.found.contains("network_wants"));
}

}  // namespace
}  // namespace recon
