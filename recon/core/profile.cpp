#include "recon/core/profile.h"

#include <torch/csrc/autograd/profiler_kineto.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "recon/core/cuda_backend.h"
#include "recon/core/error.h"

namespace recon {
namespace {

namespace profiler = torch::autograd::profiler;
namespace fs = std::filesystem;

std::string unfinished(const std::string& path) { return path + ".partial"; }

}  // namespace

Profile::Profile(std::string path, const std::string& device) : path_(std::move(path)) {
  if (!std::ofstream(unfinished(path_))) throw usage_error("--profile", "{} cannot be written", path_);
  ::setenv("KINETO_LOG_LEVEL", "5", /*overwrite=*/0);  // it calls a machine without a GPU an error
  std::set<profiler::ActivityType> activities{profiler::ActivityType::CPU};
  if (device != "cpu" && why_no_cuda().empty()) activities.insert(profiler::ActivityType::CUDA);
  const profiler::ProfilerConfig config(profiler::ProfilerState::KINETO);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  running_ = true;
}

Profile::~Profile() {
  if (!running_) return;
  profiler::disableProfiler();
  std::error_code ignored;
  fs::remove(unfinished(path_), ignored);
}

void Profile::write() {
  running_ = false;
  const auto result = profiler::disableProfiler();
  std::error_code failed;
  result->save(unfinished(path_));
  const bool empty = fs::file_size(unfinished(path_), failed) == 0 || failed;
  if (!empty) fs::rename(unfinished(path_), path_, failed);
  if (empty || failed) throw data_error(path_, "the profile cannot be written; is the disk full?");
}

}  // namespace recon
