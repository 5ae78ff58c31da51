#include "recon/core/cuda_backend.h"

#include <dlfcn.h>

#include <charconv>
#include <filesystem>
#include <mutex>

#include "recon/core/error.h"

namespace recon {
namespace {

struct Loaded {
  const CudaBackend* backend = nullptr;
  std::string reason;
};

/// The library lies beside the program (build/PRESET/bin) or where the loader finds it.
Loaded load() {
  if (!std::filesystem::exists("/dev/nvidiactl") && !std::filesystem::exists("/dev/dxg")) {
    return {nullptr, "this machine has no NVIDIA driver (/dev/nvidiactl is missing)"};
  }
  std::error_code ignored;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "librecon_cuda.so";
  const std::string path = std::filesystem::exists(beside, ignored) ? beside.string() : "librecon_cuda.so";
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* why = dlerror();
    return {nullptr, fmt::format("cannot load {} ({}); run `recon/setup --gpu` and build with the `cuda` preset", path,
                                 why == nullptr ? "unknown reason" : why)};
  }
  using Factory = const CudaBackend* (*)();
  auto* factory = reinterpret_cast<Factory>(dlsym(library, "recon_cuda_backend"));
  if (factory == nullptr) return {nullptr, path + " is not a recon backend (no symbol recon_cuda_backend)"};
  const CudaBackend* backend = factory();
  if (backend->device_count() < 1) return {nullptr, "the CUDA driver reports no usable device"};
  return {backend, ""};
}

const Loaded& loaded() {
  static const Loaded instance = load();
  return instance;
}

}  // namespace

const CudaBackend& cuda_backend() {
  if (loaded().backend == nullptr) throw usage_error("device", "no GPU can be used: {}", loaded().reason);
  return *loaded().backend;
}

std::string why_no_cuda() { return loaded().reason; }

c10::Device parse_device(const std::string& text) {
  if (text == "cpu") return c10::Device(c10::kCPU);
  if (text == "auto") return why_no_cuda().empty() ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  if (text == "cuda" || text.starts_with("cuda:")) {
    int index = 0;
    if (text.size() > 5) {
      const char* end = text.data() + text.size();
      const auto [rest, status] = std::from_chars(text.data() + 5, end, index);
      if (status != std::errc() || rest != end || index < 0) {
        throw usage_error("device", "expected cuda:INDEX, got '{}'", text);
      }
    }
    const int count = cuda_backend().device_count();
    if (index >= count) throw usage_error("device", "cuda:{} does not exist: this machine has {} GPU(s)", index, count);
    return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  }
  throw usage_error("device", "expected auto, cpu, cuda or cuda:INDEX, got '{}'", text);
}

}  // namespace recon
