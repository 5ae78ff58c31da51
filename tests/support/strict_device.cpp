#include "tests/support/strict_device.h"

#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <atomic>
#include <chrono>
#include <mutex>

#include "recon/core/device.h"
#include "recon/core/philox.h"
#include "tests/support/strict_dispatch.h"
#include "tests/support/strict_kernels.h"
#include "tests/support/strict_memory.h"

namespace recon::test {
namespace {

c10::Device the_device() { return {c10::kPrivateUse1, 0}; }

struct Counting {
  std::mutex mutex;
  DeviceCounts counts;
  std::int64_t awaited = 0;  ///< launches that the host knows to be over
  std::atomic<int> forbidding = 0;
};

Counting& counting() {
  static auto* const instance = new Counting;
  return *instance;
}

c10::Stream only_stream() { return c10::Stream(c10::Stream::DEFAULT, the_device()); }

/// Waits until so many ops are over: nothing to wait for where somebody has waited for later ones.
void count_wait(std::int64_t launches) {
  const std::lock_guard lock(counting().mutex);
  if (launches <= counting().awaited) return;
  counting().awaited = launches;
  ++counting().counts.synchronisations;
}

/// One device with one stream, on which everything is over as soon as it is asked for.
class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return c10::kPrivateUse1; }
  c10::Device exchangeDevice(c10::Device) const override { return the_device(); }
  c10::Device getDevice() const override { return the_device(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return only_stream(); }
  c10::Stream getDefaultStream(c10::Device) const override { return only_stream(); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override { count_wait(device_counts().launches); }
  void synchronizeEvent(void*) const override { count_wait(device_counts().launches); }
  void synchronizeDevice(c10::DeviceIndex) const override { count_wait(device_counts().launches); }
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
};

class Moment final : public DeviceMoment {
 public:
  double seconds_since(const DeviceMoment& earlier) const override {
    count_wait(launches_);
    return std::chrono::duration<double>(time_ - dynamic_cast<const Moment&>(earlier).time_).count();
  }

 private:
  std::chrono::steady_clock::time_point time_ = std::chrono::steady_clock::now();
  std::int64_t launches_ = device_counts().launches;
};

class Graph final : public DeviceGraph {
 public:
  explicit Graph(StrictRecording ops) : ops_(std::move(ops)) {}
  void replay() const override {
    count_launch();
    for (const auto& op : ops_) op();
  }

 private:
  StrictRecording ops_;
};

class Backend final : public DeviceBackend {
 public:
  int device_count() const override { return 1; }
  std::string device_name(int) const override { return "strict test device"; }
  std::string refusal(int) const override { return ""; }
  int capability(int) const override { return 0; }
  void fill_normal(const at::Tensor& out, const std::vector<std::uint64_t>& keys, std::uint32_t step) const override {
    TORCH_CHECK(!is_recording(), "strict device: noise is not recorded");
    count_launch();
    const at::Tensor host = on_host(out);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const at::Tensor item = host[static_cast<std::int64_t>(i)];
      if (host.scalar_type() == at::kDouble) {
        fill(item.data_ptr<double>(), item.numel(), keys[i], step);
      } else {
        fill(item.data_ptr<float>(), item.numel(), keys[i], step);
      }
    }
  }
  std::int64_t peak_bytes(int) const override { return strict_peak(); }
  std::int64_t free_bytes(int) const override { return strict_free(); }
  void reset_peak(int) const override { reset_strict_peak(); }
  std::unique_ptr<DeviceMoment> moment(int) const override { return std::make_unique<Moment>(); }
  const OperatorKernels& operator_kernels() const override {
    TORCH_CHECK(!is_recording(), "strict device: kernels of operators are not recorded");
    return kernels_;
  }
  std::unique_ptr<DeviceGraph> captured(int, const std::function<void()>& work) const override {
    return std::make_unique<Graph>(recorded_by(work));
  }

 private:
  StrictKernels kernels_;
  template <class T>
  static void fill(T* out, std::int64_t count, std::uint64_t key, std::uint32_t step) {
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = static_cast<T>(philox::normal(key, step, static_cast<std::uint64_t>(i)));
    }
  }
};

void set_up() {
  static const Guard guard;
  static Hooks hooks;
  static const Backend backend;
  c10::register_privateuse1_backend("strict");
  c10::SetAllocator(c10::kPrivateUse1, &strict_allocator());
  const c10::impl::DeviceGuardImplRegistrar registered(c10::kPrivateUse1, &guard);
  at::RegisterPrivateUse1HooksInterface(&hooks);
  register_strict_ops();
  explain_strict_faults();
  add_device("strict", c10::kPrivateUse1, backend);
}

}  // namespace

void count_launch() {
  const std::lock_guard lock(counting().mutex);
  ++counting().counts.launches;
}

void count_upload() {
  TORCH_CHECK(!is_recording(), "strict device: an upload cannot be recorded");
  const std::lock_guard lock(counting().mutex);
  ++counting().counts.uploads;
}

void count_host_read(const std::string& reader) {
  TORCH_CHECK(!is_recording(), "strict device: ", reader, " waits for the device, which cannot be recorded");
  TORCH_CHECK(counting().forbidding == 0, "strict device: ", reader, " reads the host's copy where nothing may wait");
  const std::lock_guard lock(counting().mutex);
  ++counting().counts.host_reads;
  ++counting().counts.readers[reader];
  counting().awaited = counting().counts.launches;
}

c10::Device strict_device() {
  static std::once_flag once;
  std::call_once(once, set_up);
  return the_device();
}

DeviceCounts device_counts() {
  const std::lock_guard lock(counting().mutex);
  return counting().counts;
}

DeviceCounts counts_of(const std::function<void()>& work) {
  const DeviceCounts before = device_counts();
  work();
  DeviceCounts after = device_counts();
  after.launches -= before.launches;
  after.host_reads -= before.host_reads;
  after.uploads -= before.uploads;
  after.synchronisations -= before.synchronisations;
  for (const auto& [reader, count] : before.readers) {
    if ((after.readers[reader] -= count) == 0) after.readers.erase(reader);
  }
  return after;
}

NoHostReads::NoHostReads() { ++counting().forbidding; }
NoHostReads::~NoHostReads() { --counting().forbidding; }

}  // namespace recon::test
