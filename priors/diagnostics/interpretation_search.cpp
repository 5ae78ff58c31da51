#include "priors/diagnostics/interpretation_search.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::array kLevels{0.1, 0.4, 1.5, 6.0, 24.0};  ///< noise in half-widths of the value range
constexpr double kHopeless = 7;                          ///< ln(mse) of what is no number

/// How a network is given the image and the noise level, in one of the usual conventions.
struct Convention {
  std::string schedule;
  NoiseSchedule process;
  TimeInput time_input = TimeInput::timestep;
  double time_scale = 1;
  InputScaling input = InputScaling::process;
};

std::vector<Convention> usual_conventions() {
  using enum TimeInput;
  const NoiseSchedule flow{FlowSchedule{}}, ve{VeGeometricSchedule{.sigma_min = 0.01, .sigma_max = 100}};
  const NoiseSchedule vp_continuous{VpContinuousSchedule{}}, cosine{CosineContinuousSchedule{}}, edm{EdmRhoSchedule{}};
  const std::string ve_text = "{type: ve_geometric, sigma_min: 0.01, sigma_max: 100}";
  return {{"vp_linear", NoiseSchedule::vp_linear()},
          {"vp_cosine", NoiseSchedule::vp_cosine()},
          {"{type: vp_linear, timesteps: 4000, beta_start: 2.5e-5, beta_end: 0.005}",
           NoiseSchedule::vp_linear(4000, 2.5e-5, 5e-3)},
          {"{type: vp_cosine, timesteps: 4000}", NoiseSchedule::vp_cosine(4000)},
          {"vp_scaled_linear", NoiseSchedule::vp_scaled_linear()},
          {"vp_sigmoid", NoiseSchedule::vp_sigmoid()},
          {"vp_sigmoid_beta", NoiseSchedule::vp_sigmoid_beta()},
          {"vp_linear", NoiseSchedule::vp_linear(), relative_sigma},
          {"vp_linear", NoiseSchedule::vp_linear(), edm_noise},
          {ve_text, ve, relative_sigma},
          {ve_text, ve, edm_noise},
          {"edm_rho", edm, edm_noise, 1, InputScaling::edm},
          {"flow", flow},
          {"flow", flow, timestep, 1000},
          {"flow", flow, reversed_timestep},
          {"flow", flow, reversed_timestep, 1000},
          {"vp_continuous", vp_continuous},
          {"cosine_continuous", cosine}};
}

std::vector<Prediction> predictions_of(const Convention& convention, Prediction first) {
  std::vector<Prediction> kinds{first};
  const auto add = [&](Prediction kind) {
    if (kind != first) kinds.push_back(kind);
  };
  for (const auto kind : {Prediction::epsilon, Prediction::v, Prediction::x0, Prediction::score}) add(kind);
  if (std::holds_alternative<FlowSchedule>(convention.process.kind())) {
    add(Prediction::flow_to_noise);
    add(Prediction::flow_to_data);
  }
  if (convention.input == InputScaling::edm) add(Prediction::edm);
  return kinds;
}

std::vector<std::pair<double, double>> ranges_of(const NetworkPriorDescription& card) {
  std::vector<std::pair<double, double>> ranges{{card.domain.low, card.domain.high}};
  for (const auto& usual : {std::pair{-1.0, 1.0}, std::pair{0.0, 1.0}, std::pair{-0.5, 0.5}}) {
    if (usual != ranges.front()) ranges.push_back(usual);
  }
  return ranges;
}

/// The errors of several predictions of one network pass per level.
class Trial {
 public:
  Trial(const Network& network, const at::Tensor& images, const Rng& rng) : network_(network), images_(images) {
    std::vector<StreamKey> keys;
    for (std::int64_t i = 0; i < images.size(0); ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
    for (std::uint32_t level = 0; level < kLevels.size(); ++level) {
      noise_.push_back(rng.normal(keys, level, spec_of_item(images), images.options()));
    }
  }

  std::vector<Interpretation> read(const NetworkPriorDescription& description, const std::string& schedule,
                                   const std::vector<Prediction>& kinds) const {
    std::vector<Interpretation> interpretations;
    for (const auto kind : kinds) {
      interpretations.push_back({description, schedule, {}});
      interpretations.back().description.prediction = kind;
    }
    const double low = description.domain.low, high = description.domain.high, half = (high - low) / 2;
    const at::Tensor clean = low + (high - low) * images_;
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
      const double r = kLevels[i] * half;
      const NetworkInput input = network_input(description, {.alpha = 1, .sigma = r});
      const at::Tensor noisy = clean + r * noise_[i];
      const at::Tensor times = at::full({clean.size(0)}, input.time, clean.options());
      const at::Tensor all = network_output(description, network_, noisy * input.scale, times);
      const at::Tensor out = all.narrow(1, 0, clean.size(1));
      for (auto& interpretation : interpretations) {
        const at::Tensor x0 = to_x0(interpretation.description.prediction, out, noisy * input.own.alpha, input.own,
                                    description.sigma_data);
        append_errors(interpretation, (x0.clamp(low, high) - clean) / half);
      }
    }
    return interpretations;
  }

 private:
  static void append_errors(Interpretation& interpretation, const at::Tensor& difference) {
    const at::Tensor mse = difference.to(at::kDouble).square().flatten(1).mean(1);
    for (std::int64_t i = 0; i < mse.numel(); ++i) {
      const double error = std::log(mse[i].item<double>());
      interpretation.errors.push_back(std::isfinite(error) ? error : kHopeless);
    }
  }

  const Network& network_;
  const at::Tensor& images_;
  std::vector<at::Tensor> noise_;
};

/// Every interpretation, the card's first and then in the order of preference among equals.
std::vector<Interpretation> all_interpretations(const Trial& trial, const NetworkPriorDescription& card) {
  std::vector<Convention> conventions{{"", card.schedule, card.time_input, card.time_scale, card.scaling()}};
  for (auto& usual : usual_conventions()) conventions.push_back(std::move(usual));
  std::vector<Interpretation> interpretations;
  for (const auto& convention : conventions) {
    NetworkPriorDescription description = card;
    description.schedule = convention.process;
    description.time_input = convention.time_input;
    description.time_scale = convention.time_scale;
    description.input_scaling = convention.input;
    for (const auto& [low, high] : ranges_of(card)) {
      description.domain.low = low;
      description.domain.high = high;
      for (auto& interpretation :
           trial.read(description, convention.schedule, predictions_of(convention, card.prediction))) {
        interpretations.push_back(std::move(interpretation));
      }
    }
  }
  return interpretations;
}

/// 0 for what is no table.
std::size_t timesteps_of(const NoiseSchedule& schedule) {
  const auto* const table = std::get_if<TabulatedSchedule>(&schedule.kind());
  return table == nullptr ? 0 : table->alpha_bar.size();
}

/// The name, and how many timesteps a table has where that is not the usual number.
std::string named(const NoiseSchedule& schedule) {
  const std::size_t timesteps = timesteps_of(schedule);
  if (timesteps == 0 || timesteps == 1000) return schedule.name();
  return fmt::format("{} of {} timesteps", schedule.name(), timesteps);
}

bool is_grey(const at::Tensor& images) { return at::equal(images.flip(1), images); }

/// Whether the other channel order is better, worse, or cannot be told from this one.
void decide_channel_order(const Trial& trial, const at::Tensor& images, InterpretationSearch& search) {
  search.channel_order_decided = false;
  if (is_grey(images)) return;
  NetworkPriorDescription description = search.best.description;
  description.bgr = !description.bgr;
  const Interpretation other = trial.read(description, search.best.schedule, {description.prediction}).front();
  const std::size_t n = other.errors.size();
  double mean = 0, square = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = other.errors[i] - search.best.errors[i];
    mean += difference / static_cast<double>(n);
    square += difference * difference / static_cast<double>(n);
  }
  const double standard_error = std::sqrt((square - mean * mean) / static_cast<double>(n));
  search.channel_order_decided = std::abs(mean) > 3 * standard_error && mean != 0;
  if (search.channel_order_decided && mean < 0) search.best = other;
}

}  // namespace

double Interpretation::mean_error() const {
  return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
}

double InterpretationSearch::ratio() const { return std::exp(card.mean_error() - best.mean_error()); }

bool InterpretationSearch::card_agrees() const {
  return card.description.bgr == best.description.bgr && card.mean_error() - best.mean_error() < kAgreement;
}

std::vector<std::string> InterpretationSearch::differences() const {
  const NetworkPriorDescription &said = card.description, &found = best.description;
  std::vector<std::string> lines;
  const auto compare = [&](const char* key, const std::string& is, const std::string& was) {
    if (is != was) lines.push_back(fmt::format("{}: {}, not {}", key, is, was));
  };
  const auto range = [](const ImageDomain& domain) { return fmt::format("[{:g}, {:g}]", domain.low, domain.high); };
  const auto order = [](bool bgr) { return std::string(bgr ? "bgr" : "rgb"); };
  compare("prediction", to_string(found.prediction), to_string(said.prediction));
  compare("schedule", best.schedule.empty() ? named(said.schedule) : best.schedule, named(said.schedule));
  compare("time_input", to_string(found.time_input), to_string(said.time_input));
  compare("time_scale", fmt::format("{:g}", found.time_scale), fmt::format("{:g}", said.time_scale));
  compare("input_scaling", to_string(found.scaling()), to_string(said.scaling()));
  compare("value_range", range(found.domain), range(said.domain));
  compare("channel_order", order(found.bgr), order(said.bgr));
  return lines;
}

std::string InterpretationSearch::equivalent_interpretations() const {
  const NetworkPriorDescription& found = best.description;
  if (timesteps_of(found.schedule) != 4000 || found.time_input != TimeInput::timestep) return "";
  return fmt::format("schedule: {} of 1000 timesteps with time_scale: {:g} cannot be told from the 4000 timesteps",
                     found.schedule.name(), 4 * found.time_scale);
}

InterpretationSearch search_interpretations(const Network& network, const NetworkPriorDescription& card,
                                            const at::Tensor& images, const Rng& rng) {
  const Trial trial(network, images, rng);
  const std::vector<Interpretation> interpretations = all_interpretations(trial, card);
  double least = interpretations.front().mean_error();
  for (const auto& interpretation : interpretations) least = std::min(least, interpretation.mean_error());
  const auto chosen =
      std::find_if(interpretations.begin(), interpretations.end(), [&](const Interpretation& interpretation) {
        const bool of_card = interpretation.schedule.empty();  // its schedule and time
        return interpretation.mean_error() <=
               least + (of_card ? InterpretationSearch::kTie : InterpretationSearch::kSame);
      });
  InterpretationSearch search{.card = interpretations.front(), .best = *chosen};
  if (images.size(1) == 3) decide_channel_order(trial, images, search);
  return search;
}

std::string card_lines(const Interpretation& interpretation) {
  const NetworkPriorDescription& d = interpretation.description;
  std::string text = fmt::format("prediction: {}\n", to_string(d.prediction));
  if (!interpretation.schedule.empty()) text += fmt::format("schedule: {}\n", interpretation.schedule);
  text += fmt::format("time_input: {}\n", to_string(d.time_input));
  if (d.time_scale != 1) text += fmt::format("time_scale: {:g}\n", d.time_scale);
  text += fmt::format("input_scaling: {}\n", to_string(d.scaling()));
  if (d.scaling() == InputScaling::edm) text += fmt::format("sigma_data: {:g}\n", d.sigma_data);
  text += fmt::format("value_range: [{:g}, {:g}]\n", d.domain.low, d.domain.high);
  if (d.domain.channels == 3) text += fmt::format("channel_order: {}\n", d.bgr ? "bgr" : "rgb");
  return text;
}

}  // namespace recon
