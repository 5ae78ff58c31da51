#include "recon/pipeline/train/measurement_rounds.h"

#include "recon/config/option_lister.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/pipeline/solve/solving_options.h"

namespace recon {
namespace {

/// Fast, and its samples are samples (recon/docs/measurements.md, "Without a backward pass").
constexpr const char* usual_draws = "{type: jfps}";

}  // namespace

void MeasurementRoundOptions::visit(ParameterVisitor& v) {
  v.field("rounds", rounds,
          "of drawing an image for each measurement and training on these; more of them for a run that is finished "
          "take it up again",
          {.min = 1, .max = 10000});
  v.field("gaussian_rounds", gaussian_rounds,
          "without `init`: rounds before, in which mean and power spectrum of a Gaussian prior are found, on 64 items",
          {.min = 0, .max = 1000});
}

std::optional<MeasurementRounds> read_measurement_rounds(YamlOptions& config) {
  const YamlNodePtr section = config.node("from_measurements");
  if (section == nullptr) return std::nullopt;
  if (section->kind != YamlNode::Kind::mapping) {
    throw usage_error(section->location_of("from_measurements"), "expected a section with `input`, found {}",
                      section->description());
  }
  MeasurementRounds rounds;
  YamlOptions options(section, "from_measurements");
  rounds.location = options.location();
  rounds.options.visit(options);
  ItemKeys keys;
  keys.visit(options);
  rounds.item_options = item_options_of(keys, options);
  rounds.item_options.check_noise_level = false;  // a line per item would bury the others
  rounds.items = keys.items;
  rounds.input = options.node("input");
  if (rounds.input == nullptr) {
    throw usage_error(rounds.location, "`input` is missing: which measurements are to be learned from?");
  }
  YamlNodePtr batch = std::make_shared<const YamlNode>();
  for (const char* key : measurement_round_keys) {
    YamlNodePtr value = options.node(key);
    if (value == nullptr && std::string_view(key) == "solver") {
      value = parse_yaml(usual_draws, {.name = "the default of `solver`", .folder = {}, .with_lines = false});
    }
    if (value == nullptr) continue;
    options.set_resolved(key, as_json(*value));
    batch = with_value(batch, key, value);
  }
  OptionLister item_keys;
  ItemKeys().visit(item_keys);
  for (const auto& option : item_keys.options()) {
    const std::string key = option.at("name").get<std::string>();
    if (const YamlNodePtr value = options.node(key.c_str())) batch = with_value(batch, key, value);
  }
  options.finish_this_section();
  rounds.batch = batch;
  config.set_resolved("from_measurements", options.resolved());
  return rounds;
}

}  // namespace recon
