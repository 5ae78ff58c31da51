#include "recon/pipeline/solve/precision_choice.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>

#include "data/atomic_file.h"
#include "data/content_hash.h"
#include "priors/network_prior.h"
#include "recon/config/version.h"
#include "recon/core/cache_folder.h"
#include "recon/core/device.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/core/rng.h"
#include "recon/core/rounded_up.h"
#include "recon/pipeline/items/prior_option.h"

namespace recon {
namespace {

constexpr std::int64_t probed_side = 128;
constexpr double probe_seconds = 1;
constexpr double worthwhile = 0.9;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string processor_of(c10::Device device) {
  if (!device.is_cpu()) return device_backend(device).device_name(device.index());
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return fmt::format("{}, {} threads", line, at::get_num_threads());
  }
  return fmt::format("unknown processor, {} threads", at::get_num_threads());
}

/// Seconds of a pass with its pullback, until the device has done it.
double seconds_of_pass(const Prior& prior, const at::Tensor& x_t, const NoiseLevel& level) {
  const double start = now();
  const Linearized at = prior.linearize(x_t, level);
  if (!std::isfinite(at.pullback(at.x0).sum().item<double>())) return std::numeric_limits<double>::infinity();
  return now() - start;
}

/// The answer, and how much of the time bfloat16 takes.
Precision probe(const std::string& name, const TensorSpec& image, c10::Device device, double& ratio) {
  const PriorPtr full = open_prior(name, Precision::float32), reduced = open_prior(name, Precision::bfloat16);
  const NoiseLevel level = full->schedule().at(full->schedule().max_time() / 2);
  const at::Tensor x_t =
      Rng(0, "precision probe").normal({{0, 0}}, 0, image, at::TensorOptions(at::kFloat).device(device));
  // The first passes lay out weights.
  seconds_of_pass(*full, x_t, level);
  seconds_of_pass(*reduced, x_t, level);
  double of_full = std::numeric_limits<double>::infinity(), of_reduced = of_full;
  const double end = now() + probe_seconds;
  do {  // in turns, so that a machine that changes its pace changes both
    of_full = std::min(of_full, seconds_of_pass(*full, x_t, level));
    of_reduced = std::min(of_reduced, seconds_of_pass(*reduced, x_t, level));
  } while (now() < end);
  ratio = of_reduced / of_full;
  return faster_precision(of_full, of_reduced);
}

std::optional<Precision> kept_answer(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string word;
  return in >> word ? find_word<Precision>(word) : std::nullopt;
}

void keep_answer(const std::filesystem::path& file, Precision answer) {
  try {
    std::filesystem::create_directories(file.parent_path());
    write_file_atomically(file.string(), to_string(answer) + "\n");
  } catch (const std::exception& error) {
    log::warn("precision auto: its answer cannot be kept, it is asked again next time ({})", error.what());
  }
}

}  // namespace

Precision faster_precision(double float32_seconds, double bfloat16_seconds) {
  return bfloat16_seconds < worthwhile * float32_seconds ? Precision::bfloat16 : Precision::float32;
}

Precision choose_precision(const std::string& prior, const Shape& image, c10::Device device) {
  if (!device.is_cpu() && !device.is_cuda()) return Precision::float32;
  if (device.is_cuda() &&
      !why_not(Precision::bfloat16, device.type(), device_backend(device).capability(device.index())).empty()) {
    return Precision::float32;
  }
  const PriorPtr opened = open_prior(prior);
  if (dynamic_cast<const NetworkPrior*>(opened.get()) == nullptr) return Precision::float32;
  const ImageDomain& domain = opened->domain();
  TensorSpec probed{{domain.channels}, ScalarKind::real};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t side = std::min(probed_side, image[image.size() - 2 + i]);
    probed.shape.push_back(domain.fixed_size.empty() ? rounded_up(side, domain.multiple) : domain.fixed_size[i]);
  }
  const std::string asked = fmt::format("{}\n{}\n{}\n{}\n", versions().at("recon"), processor_of(device),
                                        hash_of_prior(prior), probed.to_string());
  const std::filesystem::path folder = cache_folder();
  const std::filesystem::path file =
      folder.empty() ? folder : folder / "precision" / content_hash(asked).substr(std::string("sha256:").size());
  if (const auto kept = kept_answer(file)) {
    log::info("precision auto takes {}, as it was found on this machine ({})", to_string(*kept), file.string());
    return *kept;
  }
  double ratio = 1;
  const Precision answer = probe(prior, probed, device, ratio);
  log::info("precision auto takes {}: in bfloat16 a pass of {} with its pullback takes {:.2f} of the time",
            to_string(answer), opened->name(), ratio);
  if (!file.empty()) keep_answer(file, answer);
  return answer;
}

void settle_precision(std::optional<Precision>& precision, nlohmann::ordered_json& resolved, bool needed,
                      const std::string& prior, const Shape& image, c10::Device device) {
  if (precision) return require_precision(*precision, device);
  precision = needed ? choose_precision(prior, image, device) : Precision::float32;
  resolved["precision"] = to_string(*precision);
}

}  // namespace recon
