#include "priors/train/training_state.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <nlohmann/json.hpp>

#include "priors/checkpoints/safetensors.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* loss_name = "history/loss";
constexpr const char* format_name = "recon-training-state-1";

nlohmann::json json_of(const TrainingHistory& history) {
  nlohmann::json validations = nlohmann::json::array();
  for (const auto& point : history.validations) validations.push_back({{"step", point.step}, {"table", point.table}});
  return {{"step", history.step},
          {"skipped", history.skipped},
          {"seconds", history.seconds},
          {"validations", std::move(validations)}};
}

TrainingHistory history_from(const std::string& text, const std::string& location) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    TrainingHistory history;
    history.step = json.at("step").get<std::int64_t>();
    history.skipped = json.at("skipped").get<std::int64_t>();
    history.seconds = json.at("seconds").get<double>();
    for (const auto& point : json.at("validations")) {
      history.validations.push_back({point.at("step").get<std::int64_t>(), point.at("table").get<DenoisingTable>()});
    }
    return history;
  } catch (const nlohmann::json::exception& error) {
    throw data_error(location, "the history in its metadata is damaged: {}", error.what());
  }
}

std::string metadata_of(const SafetensorsFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) {
    throw data_error(file.path(), "is no state of `recon train`: its metadata lack '{}'; remove it to start anew", key);
  }
  return found->second;
}

}  // namespace

std::string first_difference(const std::string& saved, const std::string& wanted) {
  const auto before = nlohmann::json::parse(saved, nullptr, false), now = nlohmann::json::parse(wanted, nullptr, false);
  if (!before.is_object() || !now.is_object()) return "the config";
  const nlohmann::json old_values = before.flatten(), new_values = now.flatten();
  for (const auto& [key, value] : new_values.items()) {
    const std::string was = old_values.contains(key) ? old_values[key].dump() : "absent";
    if (was != value.dump()) return fmt::format("{} was {}, is {}", key, was, value.dump());
  }
  return "a key was removed";
}

const ValidationPoint* best_validation(const TrainingHistory& history) {
  const ValidationPoint* best = nullptr;
  for (const auto& point : history.validations) {
    if (!same_levels(point.table, history.validations.back().table)) continue;
    if (best == nullptr || mean_log_error(point.table) < mean_log_error(best->table)) best = &point;
  }
  return best;
}

void save_training_state(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                         const TrainingHistory& history, const std::string& fingerprint) {
  std::map<std::string, at::Tensor> stored;
  for (const auto& [name, value] : tensors) stored[name] = value;
  stored[loss_name] = at::tensor(history.loss, at::kDouble);
  write_safetensors(path, stored,
                    {{"format", format_name}, {"fingerprint", fingerprint}, {"history", json_of(history).dump()}});
}

TrainingHistory load_training_state(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                                    const std::string& fingerprint) {
  const SafetensorsFile file(path);
  if (metadata_of(file, "format") != format_name) throw data_error(file.path(), "is no training state of this version");
  const std::string saved = metadata_of(file, "fingerprint");
  if (saved != fingerprint) {
    throw usage_error(file.path(),
                      "belongs to another run ({}); use another `output`, or `resume: never` to start anew",
                      first_difference(saved, fingerprint));
  }
  TrainingHistory history = history_from(metadata_of(file, "history"), file.path());
  const at::Tensor loss = file.tensor(loss_name).to(at::kDouble).contiguous();
  history.loss.assign(loss.data_ptr<double>(), loss.data_ptr<double>() + loss.numel());
  if (static_cast<std::int64_t>(history.loss.size()) != history.step) {
    throw data_error(file.path(), "has {} losses for {} steps; remove it to start anew", history.loss.size(),
                     history.step);
  }
  const c10::NoGradGuard no_grad;
  for (const auto& [name, value] : tensors) {
    const at::Tensor stored = file.tensor(name);
    if (stored.sizes() != value.sizes() || stored.scalar_type() != value.scalar_type()) {
      throw data_error(file.path(), "tensor '{}' has another shape or type than this network's", name);
    }
    value.copy_(stored);
  }
  return history;
}

}  // namespace recon
