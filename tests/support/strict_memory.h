#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>

// The memory of the strict device (strict_device.h).
namespace recon::test {

/// Memory of the host under an address that nothing is mapped to: what follows it dies by SIGSEGV, after a line on
/// stderr that says why.
class StrictAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override;
  void copy_data(void* target, const void* source, std::size_t bytes) const override;
};

StrictAllocator& strict_allocator();

/// Where the bytes of a device address lie.
void* host_address(const void* device_address);

/// Largest number of bytes held since the last reset_strict_peak().
std::int64_t strict_peak();
void reset_strict_peak();
/// Bytes held now.
std::int64_t strict_held();

/// Allocations that would make it more than `bytes` throw c10::OutOfMemoryError; 0: no limit.
void limit_strict_memory(std::int64_t bytes);
/// A single block of more than `bytes` is refused, too.
void limit_strict_blocks(std::int64_t bytes);
/// What the limit leaves, or very much.
std::int64_t strict_free();

/// From now on a fault in the device's memory is explained before the program dies.
void explain_strict_faults();

}  // namespace recon::test
