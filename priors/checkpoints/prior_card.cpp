#include "priors/checkpoints/prior_card.h"

#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "priors/checkpoints/card_options.h"
#include "priors/checkpoints/presets.h"
#include "priors/mapped_file.h"
#include "priors/schedule_options.h"
#include "recon/core/error.h"

namespace recon {
namespace {

using Entry = CardEntry;

constexpr std::int64_t kMaxSide = 1 << 20, kMaxClass = 1'000'000;

std::optional<NoiseSchedule> schedule_of(const Entry& entry) {
  if (entry.node.IsScalar() && entry.text() == "from_scheduler") return std::nullopt;
  try {
    CardOptions options(entry, "type");
    const auto schedule = make_schedule(options);
    options.finish();
    return schedule;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::data) throw;
    const std::string text = error.what(), prefix = error.location() + ": ";
    throw data_error(error.location(), "{}", text.starts_with(prefix) ? text.substr(prefix.size()) : text);
  }
}

enum class ChannelOrder { rgb, bgr };
constexpr auto words_of(ChannelOrder) {
  return std::to_array<Word<ChannelOrder>>({{ChannelOrder::rgb, "rgb"}, {ChannelOrder::bgr, "bgr"}});
}

template <Worded Enum>
Enum named(const Entry& entry) {
  if (const auto value = find_word<Enum>(entry.text())) return *value;
  throw entry.wrong(fmt::format("one of {}", fmt::join(all_words<Enum>(), ", ")).c_str());
}

std::pair<double, double> range_of(const Entry& entry) {
  const auto ends = entry.list("[low, high]", 2);
  const std::pair range(ends[0].number(), ends[1].number());
  if (!(range.first < range.second)) throw data_error(entry.location, "expected low < high");
  return range;
}

void read_size(const Entry& entry, PriorCard& card) {
  if (entry.node.IsSequence()) {
    for (const auto& side : entry.list("[height, width]", 2)) card.fixed_size.push_back(side.whole(1, kMaxSide));
  } else if (entry.text() == "any") {
    card.any_size = true;
  } else {
    card.fixed_size = {entry.whole(1, kMaxSide), entry.whole(1, kMaxSide)};
  }
}

/// Rows of two positive numbers, the first one increasing. `row` says what stands in one: "[frequency, power]".
std::vector<std::pair<double, double>> table_of(const Entry& entry, const std::string& row) {
  std::vector<std::pair<double, double>> table;
  for (const auto& item : entry.list(("a list of " + row).c_str())) {
    const auto pair = item.list(row.c_str(), 2);
    table.emplace_back(pair[0].positive(), pair[1].positive());
    const std::size_t n = table.size();
    if (n > 1 && !(table[n - 2].first < table[n - 1].first)) {
      throw data_error(entry.location, "expected rows {} with the first number increasing, got {} after {}", row,
                       table[n - 1].first, table[n - 2].first);
    }
  }
  return table;
}

void read_architecture(const Entry& entry, PriorCard& card) {
  CardOptions options(entry, "type");
  const std::vector<std::string> names = card_network_names();
  std::string type;
  options.choice("type", type, names, "the network");
  if (type.empty()) throw data_error(entry.location, "expected a `type`: {}", alternatives(names));
  const NetworkKind& kind = network_kinds().find(type, entry.location);
  // Options that are not given keep the values they have, which a preset may have set.
  if (card.network.kind != &kind) card.network = {.kind = &kind, .config = kind.make()};
  card.network.config->visit(options);
  options.finish();
}

void read_weights(const Entry& entry, PriorCard& card) {
  card.weights = std::filesystem::path(card.location).parent_path() / entry.text();  // an absolute one stays
}

void read_weights_key(const Entry& entry, PriorCard& card) {
  card.selection.keys.clear();
  if (entry.node.IsScalar()) {
    card.selection.keys = {entry.text()};
    return;
  }
  for (const auto& key : entry.list("a key, or a list of keys from the outside in")) {
    card.selection.keys.push_back(key.text());
  }
}

void read_measurement(const Entry& entry, PriorCard& card) {
  TrainedMeasurement measurement;
  CardOptions options(entry, "operator");
  measurement.visit(options);
  options.finish();
  const std::vector<double>& noise = measurement.noise_std;
  if (measurement.op.empty() || noise.size() != 2 || noise[0] > noise[1]) {
    throw entry.wrong("an `operator` and a `noise_std` [lowest, highest]");
  }
  card.measurement = std::move(measurement);
}

void read_images(const Entry& entry, PriorCard& card) {
  const auto add = [&](const Entry& source) {
    card.images.push_back((std::filesystem::path(card.location).parent_path() / source.text()).string());
  };
  if (!entry.node.IsSequence()) return add(entry);
  for (const auto& source : entry.list("a source of images, or a list of them")) add(source);
}

using Reader = std::function<void(const Entry&, PriorCard&)>;

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> table{
      {"name", [](const Entry& e, PriorCard& card) { card.name = e.text(); }},
      {"format",
       [](const Entry& e, PriorCard& card) {
         if (e.text() != "diffusers_unet2d") throw e.wrong("diffusers_unet2d");
         card.format = e.text();
       }},
      {"architecture", read_architecture},
      {"weights", read_weights},
      {"weights_key", read_weights_key},
      {"weights_prefix",
       [](const Entry& e, PriorCard& card) {  // empty: not that of a preset
         card.selection.prefix = e.node.IsScalar() ? e.node.Scalar() : e.text();
       }},
      {"class",
       [](const Entry& e, PriorCard& card) {
         const bool none = e.node.IsScalar() && e.node.Scalar() == "none";
         card.class_label = none ? ClassLabels::kNoClass : e.whole(0, kMaxClass);
       }},
      {"prediction", [](const Entry& e, PriorCard& card) { card.prediction = named<Prediction>(e); }},
      {"schedule", [](const Entry& e, PriorCard& card) { card.schedule = schedule_of(e); }},
      {"time_input", [](const Entry& e, PriorCard& card) { card.time_input = named<TimeInput>(e); }},
      {"time_scale", [](const Entry& e, PriorCard& card) { card.time_scale = e.positive(); }},
      {"input_scaling", [](const Entry& e, PriorCard& card) { card.input_scaling = named<InputScaling>(e); }},
      {"sigma_data", [](const Entry& e, PriorCard& card) { card.sigma_data = e.positive(); }},
      {"value_range", [](const Entry& e, PriorCard& card) { card.value_range = range_of(e); }},
      {"channels", [](const Entry& e, PriorCard& card) { card.channels = e.whole(1, 1 << 16); }},
      {"channel_order",
       [](const Entry& e, PriorCard& card) { card.bgr = named<ChannelOrder>(e) == ChannelOrder::bgr; }},
      {"symmetry", [](const Entry& e, PriorCard& card) { card.symmetry = named<ImageSymmetry>(e); }},
      {"space_to_depth", [](const Entry& e, PriorCard& card) { card.space_to_depth = e.whole(1, 64); }},
      {"position_channels", [](const Entry& e, PriorCard& card) { card.position_channels = e.truth(); }},
      {"size", read_size},
      {"multiple", [](const Entry& e, PriorCard& card) { card.multiple = e.whole(1, kMaxSide); }},
      {"max_relative_sigma", [](const Entry& e, PriorCard& card) { card.max_relative_sigma = e.positive(); }},
      {"denoising_mse",
       [](const Entry& e, PriorCard& card) {
         card.denoising_mse = table_of(e, "[relative sigma, mean squared error]");
       }},
      {"power_spectrum",
       [](const Entry& e, PriorCard& card) { card.power_spectrum = table_of(e, "[cycles per pixel, power]"); }},
      {"measurement", read_measurement},
      {"images", read_images},
      {"width", [](const Entry& e, PriorCard& card) { card.width = e.positive(); }},
      {"mean",
       [](const Entry& e, PriorCard& card) {
         for (const auto& value : e.list("a list of one number per channel")) card.mean.push_back(value.number());
       }},
      {"image_range", [](const Entry& e, PriorCard& card) { card.image_range = range_of(e); }},
      {"description", [](const Entry& e, PriorCard& card) { card.description = e.text(); }},
      {"training_data", [](const Entry& e, PriorCard& card) { card.training_data = e.text(); }},
      {"licence", [](const Entry& e, PriorCard& card) { card.licence = e.text(); }},
      {"attribution", [](const Entry& e, PriorCard& card) { card.attribution = e.text(); }},
  };
  return table;
}

std::string known_keys() {
  std::vector<std::string> names = {"preset"};
  for (const auto& [name, reader] : readers()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, ", "));
}

/// A prior without a network.
struct ClosedForm {
  const char* name;
  std::set<std::string> own;   ///< keys that no other kind has, but for the one that makes it this kind
  std::set<std::string> keys;  ///< all that its card may have
};

const std::vector<ClosedForm>& closed_forms() {
  static const std::vector<ClosedForm> all = [] {
    const std::set<std::string> common{"name",        "value_range",   "size",    "schedule",
                                       "description", "training_data", "licence", "attribution"};
    std::vector<ClosedForm> forms{
        {.name = "a prior made of `images`",
         .own = {"width", "image_range"},
         .keys = {"images", "width", "image_range", "channels"}},
        {.name = "a Gaussian prior with a `mean`", .own = {}, .keys = {"mean", "power_spectrum"}}};
    for (auto& form : forms) form.keys.insert(common.begin(), common.end());
    return forms;
  }();
  return all;
}

/// Images make one kind of prior, a mean another, a network the third.
void require_one_kind(const YAML::Node& root, const PriorCard& card) {
  const bool has[] = {!card.images.empty(), !card.mean.empty()};
  for (const auto& pair : root) {
    const std::string key = pair.first.Scalar();
    const std::string location = fmt::format("{}:{} '{}'", card.location, pair.first.Mark().line + 1, key);
    for (std::size_t i = 0; i < closed_forms().size(); ++i) {
      const ClosedForm& form = closed_forms()[i];
      if (!has[i] && form.own.contains(key)) {
        throw data_error(location, "it is for {}, which the card does not name", form.name);
      }
      if (has[i] && !form.keys.contains(key)) {
        throw data_error(location, "it is for a network or another kind of prior; {} takes {}", form.name,
                         fmt::join(form.keys, ", "));
      }
    }
  }
  if (card.mean.empty()) return;
  if (card.power_spectrum.empty()) {
    throw data_error(card.location,
                     "a Gaussian prior with a `mean` needs a `power_spectrum`, a list of [cycles per "
                     "pixel, power]");
  }
  if (card.fixed_size.empty()) {
    throw data_error(card.location, "a Gaussian prior with a `mean` needs the `size` of its images, [height, width]");
  }
}

/// All keys of a mapping, each once; `preset` is for apply_preset().
void read_keys(const YAML::Node& root, PriorCard& card) {
  std::set<std::string> seen;
  for (const auto& pair : root) {
    const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
    const Entry entry{pair.second, fmt::format("{}:{} '{}'", card.location, pair.first.Mark().line + 1, key)};
    if (!seen.insert(key).second) throw data_error(entry.location, "the key is there twice");
    if (key == "preset") continue;
    const auto reader = readers().find(key);
    if (reader == readers().end()) throw data_error(entry.location, "unknown key; known are {}", known_keys());
    reader->second(entry, card);
  }
}

void apply_preset(const YAML::Node& root, PriorCard& card) {
  for (const auto& pair : root) {
    if (!pair.first.IsScalar() || pair.first.Scalar() != "preset") continue;
    const Entry entry{pair.second, fmt::format("{}:{} 'preset'", card.location, pair.first.Mark().line + 1)};
    const char* const keys = preset_card(entry.text());
    if (keys == nullptr) throw entry.wrong(fmt::format("one of {}", fmt::join(preset_names(), ", ")).c_str());
    read_keys(YAML::Load(keys), card);
  }
}

YAML::Node load_yaml(const std::string& location) {
  try {
    return YAML::Load(std::string(MappedFile(location).bytes()));
  } catch (const YAML::Exception& error) {
    throw data_error(fmt::format("{}:{}", location, error.mark.line + 1), "not valid YAML: {}", error.msg);
  }
}

}  // namespace

PriorCard preset_prior_card(const std::string& name) {
  const char* const keys = preset_card(name);
  if (keys == nullptr) throw internal_error("preset_prior_card", "no preset '{}'", name);
  PriorCard card;
  card.location = "preset " + name;
  read_keys(YAML::Load(keys), card);
  card.network.config->complete(card.location);
  return card;
}

PriorCard read_prior_card(const std::filesystem::path& path) {
  PriorCard card;
  card.location = path.string();
  const YAML::Node root = load_yaml(card.location);
  if (!root.IsMap()) throw data_error(card.location, "expected `key: value` lines; known keys are {}", known_keys());
  apply_preset(root, card);
  read_keys(root, card);
  require_one_kind(root, card);
  if (card.network.config) card.network.config->complete(card.location + " 'architecture'");
  return card;
}

}  // namespace recon
