#include "recon/core/cuda_backend.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include <filesystem>

#include "recon/core/error.h"

namespace recon {
namespace {

struct Loaded {
  const DeviceBackend* backend = nullptr;
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
  using Factory = const DeviceBackend* (*)();
  auto* factory = reinterpret_cast<Factory>(dlsym(library, "recon_cuda_backend"));
  if (factory == nullptr) return {nullptr, path + " is not a recon backend (no symbol recon_cuda_backend)"};
  const DeviceBackend* backend = factory();
  if (backend->device_count() < 1) return {nullptr, "the CUDA driver reports no usable device"};
  // float32 means IEEE float32, as on the CPU: cuDNN would round the factors of convolutions to 10 bits (TF32), which
  // is for who asks for it (priors/networks/precision.h).
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  return {backend, ""};
}

const Loaded& loaded() {
  static const Loaded instance = load();
  return instance;
}

}  // namespace

const DeviceBackend& cuda_backend() {
  if (loaded().backend == nullptr) throw usage_error("device", "no GPU can be used: {}", loaded().reason);
  return *loaded().backend;
}

std::string why_no_cuda() {
  if (loaded().backend == nullptr) return loaded().reason;
  const std::string why = loaded().backend->refusal(0);
  return why.empty() ? "" : fmt::format("{}: {}", loaded().backend->device_name(0), why);
}

}  // namespace recon
