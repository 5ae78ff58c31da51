#include "priors/checkpoints/prior_card.h"

#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "priors/checkpoints/card_options.h"
#include "priors/checkpoints/mapped_file.h"
#include "priors/checkpoints/presets.h"
#include "priors/schedule_options.h"
#include "recon/core/error.h"

namespace recon {
namespace {

using Entry = CardEntry;

constexpr std::int64_t kMaxSide = 1 << 20;

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

Prediction prediction_named(const Entry& entry) {
  try {
    return prediction_from(entry.text());
  } catch (const Error& error) {
    throw data_error(entry.location, "{}", error.what());
  }
}

constexpr std::array kTimeInputs{
    std::pair{TimeInput::timestep, "timestep"}, std::pair{TimeInput::reversed_timestep, "reversed_timestep"},
    std::pair{TimeInput::relative_sigma, "relative_sigma"}, std::pair{TimeInput::edm_noise, "edm_noise"}};
constexpr std::array kChannelOrders{std::pair{false, "rgb"}, std::pair{true, "bgr"}};
constexpr std::array kInputScalings{std::pair{InputScaling::process, "process"}, std::pair{InputScaling::edm, "edm"}};

/// The value of a word in a table of (value, word).
template <class Table>
auto named(const Entry& entry, const Table& table) {
  std::vector<std::string> words;
  for (const auto& [value, word] : table) {
    if (entry.text() == word) return value;
    words.emplace_back(word);
  }
  throw entry.wrong(fmt::format("one of {}", fmt::join(words, ", ")).c_str());
}

template <class Table, class Value>
std::string word_for(const Table& table, Value wanted) {
  for (const auto& [value, word] : table) {
    if (value == wanted) return word;
  }
  throw internal_error("to_string", "unnamed value {}", static_cast<int>(wanted));
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

void read_denoising_mse(const Entry& entry, PriorCard& card) {
  for (const auto& row : entry.list("a list of [relative sigma, mean squared error]")) {
    const auto pair = row.list("[relative sigma, mean squared error]", 2);
    card.denoising_mse.emplace_back(pair[0].positive(), pair[1].positive());
    const std::size_t n = card.denoising_mse.size();
    if (n > 1 && !(card.denoising_mse[n - 2].first < card.denoising_mse[n - 1].first)) {
      throw data_error(entry.location, "expected increasing relative sigmas, got {} after {}",
                       card.denoising_mse[n - 1].first, card.denoising_mse[n - 2].first);
    }
  }
}

/// Options that are not given keep the values they have, which a preset may have set.
template <class Config>
void read_options(CardOptions& options, PriorCard& card) {
  if (!std::holds_alternative<Config>(card.architecture)) card.architecture = Config{};
  std::get<Config>(card.architecture).visit(options);
}

void read_architecture(const Entry& entry, PriorCard& card) {
  CardOptions options(entry, "type");
  std::string type;
  options.choice("type", type, {"adm", "songunet", "dhariwalunet", "torchscript"}, "the network");
  if (type.empty()) throw data_error(entry.location, "expected a `type`: adm, songunet, dhariwalunet or torchscript");
  if (type == "adm") read_options<AdmConfig>(options, card);
  if (type == "songunet") read_options<SongConfig>(options, card);
  if (type == "dhariwalunet") read_options<DhariwalConfig>(options, card);
  if (type == "torchscript") read_options<TorchScriptConfig>(options, card);
  options.finish();
}

void read_weights(const Entry& entry, PriorCard& card) {
  card.weights = std::filesystem::path(card.location).parent_path() / entry.text();  // an absolute one stays
}

void read_weights_key(const Entry& entry, PriorCard& card) {
  if (entry.node.IsScalar()) {
    card.selection.keys = {entry.text()};
    return;
  }
  for (const auto& key : entry.list("a key, or a list of keys from the outside in")) {
    card.selection.keys.push_back(key.text());
  }
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
      {"weights_prefix", [](const Entry& e, PriorCard& card) { card.selection.prefix = e.text(); }},
      {"prediction", [](const Entry& e, PriorCard& card) { card.prediction = prediction_named(e); }},
      {"schedule", [](const Entry& e, PriorCard& card) { card.schedule = schedule_of(e); }},
      {"time_input", [](const Entry& e, PriorCard& card) { card.time_input = named(e, kTimeInputs); }},
      {"time_scale", [](const Entry& e, PriorCard& card) { card.time_scale = e.positive(); }},
      {"input_scaling", [](const Entry& e, PriorCard& card) { card.input_scaling = named(e, kInputScalings); }},
      {"sigma_data", [](const Entry& e, PriorCard& card) { card.sigma_data = e.positive(); }},
      {"value_range", [](const Entry& e, PriorCard& card) { card.value_range = range_of(e); }},
      {"channels", [](const Entry& e, PriorCard& card) { card.channels = e.whole(1, 1 << 16); }},
      {"channel_order", [](const Entry& e, PriorCard& card) { card.bgr = named(e, kChannelOrders); }},
      {"space_to_depth", [](const Entry& e, PriorCard& card) { card.space_to_depth = e.whole(1, 64); }},
      {"size", read_size},
      {"multiple", [](const Entry& e, PriorCard& card) { card.multiple = e.whole(1, kMaxSide); }},
      {"max_relative_sigma", [](const Entry& e, PriorCard& card) { card.max_relative_sigma = e.positive(); }},
      {"denoising_mse", read_denoising_mse},
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

std::string to_string(TimeInput input) { return word_for(kTimeInputs, input); }
std::string to_string(InputScaling scaling) { return word_for(kInputScalings, scaling); }

PriorCard read_prior_card(const std::filesystem::path& path) {
  PriorCard card;
  card.location = path.string();
  const YAML::Node root = load_yaml(card.location);
  if (!root.IsMap()) throw data_error(card.location, "expected `key: value` lines; known keys are {}", known_keys());
  apply_preset(root, card);
  read_keys(root, card);
  const std::string location = card.location + " 'architecture'";
  if (auto* const adm = std::get_if<AdmConfig>(&card.architecture)) adm->complete(location);
  if (const auto* const song = std::get_if<SongConfig>(&card.architecture)) song->check(location);
  if (const auto* const edm_adm = std::get_if<DhariwalConfig>(&card.architecture)) edm_adm->check(location);
  return card;
}

}  // namespace recon
