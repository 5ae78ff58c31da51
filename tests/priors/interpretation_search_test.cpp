// How a network wants to be read is found from its behaviour, whatever its card says.
#include "priors/diagnostics/interpretation_search.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fmt/ranges.h>

#include <functional>

#include "priors/gaussian_prior.h"
#include "tests/priors/acting_network.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

constexpr std::int64_t kSide = 64;

/// Images with the spectrum of photographs, 1/f² (ScalarKind 1987), in [0, 1]; colours differ in mean and contrast.
std::shared_ptr<const GaussianPrior> natural_prior(std::int64_t channels) {
  const at::Tensor f = at::fft_fftfreq(kSide, 1.0, at::kDouble);
  const at::Tensor shape = 1 / (f.square().unsqueeze(0) + f.square().unsqueeze(1) + 1.0 / (kSide * kSide));
  const at::Tensor contrast = at::tensor({0.07, 0.05, 0.02}, at::kDouble).narrow(0, 0, channels).reshape({-1, 1, 1});
  const at::Tensor mean = at::tensor({0.55, 0.45, 0.35}, at::kDouble).narrow(0, 0, channels).reshape({-1, 1, 1});
  return std::make_shared<const GaussianPrior>(mean.expand({channels, kSide, kSide}).contiguous(),
                                               Covariance::stationary(contrast * shape / shape.mean()),
                                               NoiseSchedule::vp_linear(), 0, 1);
}

struct Case {
  const char* name;
  std::function<void(NetworkPriorDescription&)> is, said;  ///< what is changed of the usual description
  std::int64_t channels = 1;
};

NetworkPriorDescription usual(std::int64_t channels) {
  return {.name = "mislabelled",
          .domain = {.channels = channels, .fixed_size = {}},
          .schedule = NoiseSchedule::vp_linear(),
          .prediction = Prediction::epsilon};
}

using D = NetworkPriorDescription;

/// vp_linear between the same ends in four times the steps, as guided-diffusion scales its betas.
NoiseSchedule four_thousand() { return NoiseSchedule::vp_linear(4000, 2.5e-5, 0.005); }

std::vector<Case> cases() {
  const auto nothing = [](D&) {};
  const auto flow = [](D& d) {
    d.schedule = NoiseSchedule(FlowSchedule{});
    d.prediction = Prediction::flow_to_noise;
    d.time_scale = 1000;
  };
  const auto score = [](D& d) {
    d.schedule = NoiseSchedule(VeGeometricSchedule{.sigma_min = 0.01, .sigma_max = 100});
    d.prediction = Prediction::score;
    d.time_input = TimeInput::relative_sigma;
  };
  return {{"EpsilonLabelledV", nothing, [](D& d) { d.prediction = Prediction::v; }},
          {"VLabelledEpsilon", [](D& d) { d.prediction = Prediction::v; }, nothing},
          {"X0LabelledEpsilon", [](D& d) { d.prediction = Prediction::x0; }, nothing},
          {"ZeroToOneLabelledMinusOneToOne", [](D& d) { d.domain.low = 0; }, nothing},
          {"MinusOneToOneLabelledZeroToOne", nothing, [](D& d) { d.domain.low = 0; }},
          {"CosineLabelledLinear", [](D& d) { d.schedule = NoiseSchedule::vp_cosine(); }, nothing},
          {"LinearLabelledScaledLinear", nothing, [](D& d) { d.schedule = NoiseSchedule::vp_scaled_linear(); }},
          {"FourThousandTimestepsLabelledAThousand", [](D& d) { d.schedule = four_thousand(); }, nothing},
          {"AThousandTimestepsLabelledFourThousand", nothing, [](D& d) { d.schedule = four_thousand(); }},
          {"CosineOfFourThousandLabelledAThousand", [](D& d) { d.schedule = NoiseSchedule::vp_cosine(4000); },
           [](D& d) { d.schedule = NoiseSchedule::vp_cosine(); }},
          {"BgrLabelledRgb", [](D& d) { d.bgr = true; }, nothing, 3},
          {"RgbLabelledBgr", nothing, [](D& d) { d.bgr = true; }, 3},
          {"SigmaConditionedLabelledTimestep", [](D& d) { d.time_input = TimeInput::relative_sigma; }, nothing},
          {"TimestepLabelledSigmaConditioned", nothing, [](D& d) { d.time_input = TimeInput::relative_sigma; }},
          {"EdmLabelledEpsilon",
           [](D& d) {
             d.schedule = NoiseSchedule(EdmRhoSchedule{});
             d.prediction = Prediction::edm;
             d.time_input = TimeInput::edm_noise;
           },
           nothing},
          {"VeScoreLabelledVpEpsilon", score, nothing},
          // Card mistakes with the networks of score_sde, denoising-diffusion-pytorch and MONAI.
          {"ScoreOfZeroToOneLabelledMinusOneToOne",
           [score](D& d) {
             score(d);
             d.domain.low = 0;
           },
           score},
          {"SigmoidVLabelledLinearEpsilon",
           [](D& d) {
             d.schedule = NoiseSchedule::vp_sigmoid();
             d.prediction = Prediction::v;
           },
           nothing},
          {"SigmoidBetaLabelledLinear", [](D& d) { d.schedule = NoiseSchedule::vp_sigmoid_beta(); }, nothing},
          {"FlowLabelledTheOtherWay", flow,
           [flow](D& d) {
             flow(d);
             d.prediction = Prediction::flow_to_data;
             d.time_input = TimeInput::reversed_timestep;
           }},
          {"ThreeFaultsAtOnce",
           [](D& d) {
             d.schedule = NoiseSchedule::vp_cosine();
             d.prediction = Prediction::v;
             d.domain.low = 0;
           },
           nothing}};
}

class InterpretationSearchFinds : public testing::TestWithParam<Case> {
 protected:
  InterpretationSearch search(const D& is, const D& said) const {
    const auto prior = natural_prior(GetParam().channels);
    const at::Tensor images = prior->sample(Rng(3, "images"), {{0, 0}, {1, 0}}, at::kFloat).clamp(0, 1);
    return search_interpretations(test::ActingNetwork(prior, is), said, images, Rng(1, "reading"));
  }
};

TEST_P(InterpretationSearchFinds, TheRightInterpretation) {
  D is = usual(GetParam().channels), said = is;
  GetParam().is(is);
  GetParam().said(said);
  const InterpretationSearch found = search(is, said);
  const D& best = found.best.description;
  EXPECT_FALSE(found.card_agrees());
  EXPECT_EQ(best.prediction, is.prediction) << to_string(best.prediction);
  EXPECT_EQ(best.schedule.name(), is.schedule.name());
  EXPECT_EQ(best.schedule.max_time(), is.schedule.max_time());
  EXPECT_EQ(best.time_input, is.time_input) << to_string(best.time_input);
  EXPECT_EQ(best.time_scale, is.time_scale);
  EXPECT_EQ(best.scaling(), is.scaling());
  EXPECT_EQ(best.domain.low, is.domain.low);
  EXPECT_EQ(best.domain.high, is.domain.high);
  EXPECT_EQ(best.bgr, is.bgr);
  fmt::print("{}: {} ({:.2f} times the error under the card)\n", GetParam().name, fmt::join(found.differences(), "; "),
             found.ratio());
  EXPECT_FALSE(found.differences().empty());
}

// No fault is found where there is none.
TEST_P(InterpretationSearchFinds, NothingWrongWithTheRightCard) {
  D is = usual(GetParam().channels);
  GetParam().is(is);
  const InterpretationSearch found = search(is, is);
  EXPECT_TRUE(found.card_agrees()) << fmt::format("{}", fmt::join(found.differences(), "; "));
  EXPECT_EQ(found.differences(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Cases, InterpretationSearchFinds, testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name; });

TEST(InterpretationSearch, LeavesTheChannelOrderOfGreyImagesOpen) {
  const auto prior = natural_prior(3);
  const at::Tensor grey = natural_prior(1)->sample(Rng(3, "images"), {{0, 0}}, at::kFloat).expand({1, 3, kSide, kSide});
  const InterpretationSearch found =
      search_interpretations(test::ActingNetwork(prior, usual(3)), usual(3), grey, Rng(1, "reading"));
  EXPECT_FALSE(found.channel_order_decided);
  EXPECT_FALSE(found.best.description.bgr);
}

// What equivalent_interpretations() claims.
TEST(InterpretationSearch, CannotTellFourThousandTimestepsFromAThousandScaledFourfold) {
  const auto prior = natural_prior(1);
  const at::Tensor images = prior->sample(Rng(3, "images"), {{0, 0}, {1, 0}}, at::kFloat).clamp(0, 1);
  for (const bool cosine : {false, true}) {
    D is = usual(1), said = is;
    is.schedule = cosine ? NoiseSchedule::vp_cosine(4000) : four_thousand();
    said.schedule = cosine ? NoiseSchedule::vp_cosine() : NoiseSchedule::vp_linear();
    const InterpretationSearch wrong =
        search_interpretations(test::ActingNetwork(prior, is), said, images, Rng(1, "reading"));
    test::expect_says(wrong.equivalent_interpretations(), {"of 1000 timesteps with time_scale: 4 cannot be told"});
    said.time_scale = 4;
    const InterpretationSearch found =
        search_interpretations(test::ActingNetwork(prior, is), said, images, Rng(1, "reading"));
    EXPECT_EQ(found.differences(), std::vector<std::string>{}) << found.ratio();
    EXPECT_EQ(found.equivalent_interpretations(), "");
  }
}

TEST(InterpretationSearch, WritesACardToPaste) {
  Interpretation interpretation{usual(3), "vp_cosine", {}};
  interpretation.description.time_input = TimeInput::timestep;
  interpretation.description.time_scale = 1000;
  interpretation.description.bgr = true;
  EXPECT_EQ(card_lines(interpretation),
            "prediction: epsilon\nschedule: vp_cosine\ntime_input: timestep\ntime_scale: 1000\ninput_scaling: process\n"
            "value_range: [-1, 1]\nchannel_order: bgr\n");
  interpretation.description.prediction = Prediction::edm;
  interpretation.schedule.clear();
  EXPECT_EQ(card_lines(interpretation),
            "prediction: edm\ntime_input: timestep\ntime_scale: 1000\ninput_scaling: edm\nsigma_data: 0.5\n"
            "value_range: [-1, 1]\nchannel_order: bgr\n");
}

}  // namespace
}  // namespace recon
