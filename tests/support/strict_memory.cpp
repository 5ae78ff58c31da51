#include "tests/support/strict_memory.h"

#include <c10/util/Exception.h>
#include <execinfo.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "tests/support/strict_device.h"

namespace recon::test {
namespace {

// Linux puts programs and their memory at the upper end of the 47 (x86-64) or 48 (AArch64) bits of an address: with
// this bit turned, nothing is there, and the fault still reports the address.
constexpr std::uintptr_t kTurnedBit = std::uintptr_t{1} << 46;
constexpr std::size_t kAlignment = 64;  // of ATen's own allocator

std::uintptr_t turned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) ^ kTurnedBit; }

constexpr std::size_t kNoLimit = std::size_t{1} << 40;

/// What is allocated, by device address.
struct Blocks {
  std::mutex mutex;
  std::map<std::uintptr_t, std::size_t> sizes;
  std::size_t held = 0, peak = 0, limit = kNoLimit, largest = kNoLimit;
};

Blocks& blocks() {
  static auto* const instance = new Blocks;  // outlives every tensor
  return *instance;
}

void release(void* host) {
  {
    const std::lock_guard lock(blocks().mutex);
    const auto block = blocks().sizes.find(turned(host));
    blocks().held -= block->second;
    blocks().sizes.erase(block);
  }
  std::free(host);
}

bool is_allocated(std::uintptr_t address) {
  const std::lock_guard lock(blocks().mutex);
  const auto after = blocks().sizes.upper_bound(address);
  if (after == blocks().sizes.begin()) return false;
  const auto block = std::prev(after);
  return address < block->first + block->second;
}

bool may_have(std::size_t bytes) {
  const std::lock_guard lock(blocks().mutex);
  return bytes <= blocks().largest && blocks().held + bytes <= blocks().limit;
}

/// Dies of the same signal after it has said why.
void explain(int signal, siginfo_t* fault, void*) {
  // The lock is free: the allocator never follows an address of the device.
  if (is_allocated(reinterpret_cast<std::uintptr_t>(fault->si_addr))) {
    constexpr char text[] = "strict device: host code followed a raw pointer of a device tensor; copy it with .cpu()\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, sizeof text - 1);
    void* frames[32];
    backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

c10::DataPtr StrictAllocator::allocate(std::size_t bytes) {
  const c10::Device device = strict_device();
  if (bytes == 0) return {nullptr, device};
  TORCH_CHECK_WITH(OutOfMemoryError, may_have(bytes), "strict device out of memory. Tried to allocate ", bytes,
                   " bytes");
  void* host = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (host == nullptr) throw std::bad_alloc();
  const std::lock_guard lock(blocks().mutex);
  blocks().sizes[turned(host)] = bytes;
  blocks().held += bytes;
  blocks().peak = std::max(blocks().peak, blocks().held);
  return {reinterpret_cast<void*>(turned(host)), host, &release, device};
}

void StrictAllocator::copy_data(void* target, const void* source, std::size_t bytes) const {
  std::memcpy(host_address(target), host_address(source), bytes);
}

StrictAllocator& strict_allocator() {
  static auto* const instance = new StrictAllocator;
  return *instance;
}

void* host_address(const void* device_address) {
  return device_address == nullptr ? nullptr : reinterpret_cast<void*>(turned(device_address));
}

std::int64_t strict_peak() {
  const std::lock_guard lock(blocks().mutex);
  return static_cast<std::int64_t>(blocks().peak);
}

void reset_strict_peak() {
  const std::lock_guard lock(blocks().mutex);
  blocks().peak = blocks().held;
}

std::int64_t strict_held() {
  const std::lock_guard lock(blocks().mutex);
  return static_cast<std::int64_t>(blocks().held);
}

void limit_strict_memory(std::int64_t bytes) {
  const std::lock_guard lock(blocks().mutex);
  blocks().limit = bytes == 0 ? kNoLimit : static_cast<std::size_t>(bytes);
}

void limit_strict_blocks(std::int64_t bytes) {
  const std::lock_guard lock(blocks().mutex);
  blocks().largest = static_cast<std::size_t>(bytes);
}

std::int64_t strict_free() {
  const std::lock_guard lock(blocks().mutex);
  return static_cast<std::int64_t>(blocks().limit) - static_cast<std::int64_t>(blocks().held);
}

void explain_strict_faults() {
  struct sigaction action {};
  action.sa_sigaction = explain;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
}

}  // namespace recon::test
