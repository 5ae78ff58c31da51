#include "recon/core/device.h"

#include <charconv>
#include <map>

#include "recon/core/cuda_backend.h"
#include "recon/core/error.h"

namespace recon {
namespace {

struct AddedDevice {
  c10::DeviceType type;
  const DeviceBackend* backend;
};

std::map<std::string, AddedDevice>& added_devices() {
  static std::map<std::string, AddedDevice> devices;
  return devices;
}

/// The number after the colon of `name:INDEX`, 0 without one.
int index_in(const std::string& text, const std::string& name) {
  if (text.size() == name.size()) return 0;
  int index = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data() + name.size() + 1, end, index);
  if (status != std::errc() || rest != end || index < 0) {
    throw usage_error("device", "expected {}:INDEX, got '{}'", name, text);
  }
  return index;
}

c10::Device existing(c10::DeviceType type, const DeviceBackend& backend, const std::string& name, int index) {
  const int count = backend.device_count();
  if (index >= count) {
    throw usage_error("device", "{}:{} does not exist: this machine has {} of them", name, index, count);
  }
  if (const std::string why = backend.refusal(index); !why.empty()) {
    throw usage_error("device", "{}:{} ({}) cannot be used: {}", name, index, backend.device_name(index), why);
  }
  return {type, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace

c10::Device parse_device(const std::string& text) {
  if (text == "cpu") return c10::kCPU;
  if (text == "auto") return why_no_cuda().empty() ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  const std::string name = text.substr(0, text.find(':'));
  if (name == "cuda") return existing(c10::kCUDA, cuda_backend(), name, index_in(text, name));
  const auto added = added_devices().find(name);
  if (added != added_devices().end()) {
    return existing(added->second.type, *added->second.backend, name, index_in(text, name));
  }
  throw usage_error("device", "expected auto, cpu, cuda or cuda:INDEX, got '{}'", text);
}

const DeviceBackend& device_backend(c10::Device device) {
  if (device.is_cuda()) return cuda_backend();
  for (const auto& [name, added] : added_devices()) {
    if (added.type == device.type()) return *added.backend;
  }
  throw internal_error("device_backend", "nothing is known of the device {}", device.str());
}

void add_device(const std::string& name, c10::DeviceType type, const DeviceBackend& backend) {
  added_devices().insert_or_assign(name, AddedDevice{type, &backend});
}

}  // namespace recon
