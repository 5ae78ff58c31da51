#pragma once

#include <cstdint>

namespace recon::test {

/// While it lives, ATen's memory on the CPU is as large as the test says: what does not fit is refused as ATen's own
/// allocator refuses it. Tensors that were there before do not count. One at a time; threads wait for nothing.
class LimitedMemory {
 public:
  explicit LimitedMemory(std::int64_t bytes = kPlenty);
  ~LimitedMemory();
  LimitedMemory(const LimitedMemory&) = delete;
  LimitedMemory& operator=(const LimitedMemory&) = delete;

  static constexpr std::int64_t kPlenty = std::int64_t{1} << 50;

  /// From now on; what is held stays held.
  void set_limit(std::int64_t bytes);
  /// The next allocation of so many bytes or more is refused, whatever the limit.
  void refuse_next(std::int64_t of_bytes);

  std::int64_t peak() const;      ///< most bytes that were held since it began
  std::int64_t refusals() const;  ///< allocations that were refused
};

}  // namespace recon::test
