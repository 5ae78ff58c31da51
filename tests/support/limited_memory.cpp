#include "tests/support/limited_memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <utility>

namespace recon::test {
namespace {

constexpr std::int64_t kNever = -1;

std::atomic<std::int64_t> held{0}, most{0}, limit{LimitedMemory::kPlenty}, refused{0}, refused_from{kNever};

struct Block {
  c10::DataPtr memory;
  std::int64_t bytes;
};

void release(void* context) {
  const std::unique_ptr<Block> block(static_cast<Block*>(context));
  held -= block->bytes;
}

/// ATen's allocator behind a gate.
class Gate final : public c10::Allocator {
 public:
  explicit Gate(c10::Allocator* behind) : behind_(behind) {}

  c10::DataPtr allocate(std::size_t bytes) override {
    const auto wanted = static_cast<std::int64_t>(bytes);
    const std::int64_t from = refused_from;
    const bool chosen = from != kNever && wanted >= from;
    if (chosen) refused_from = kNever;
    if (chosen || held + wanted > limit) {
      ++refused;
      TORCH_CHECK(false, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
                  " bytes. Error code 12 (Cannot allocate memory)");
    }
    held += wanted;
    most = std::max<std::int64_t>(most, held);
    auto* block = new Block{.memory = behind_->allocate(bytes), .bytes = wanted};
    return {block->memory.get(), block, &release, block->memory.device()};
  }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    std::memcpy(target, source, bytes);
  }

 private:
  c10::Allocator* behind_;
};

c10::Allocator* const behind_gate = c10::GetAllocator(c10::kCPU);

}  // namespace

LimitedMemory::LimitedMemory(std::int64_t bytes) {
  static auto* const gate = new Gate(behind_gate);  // outlives every tensor
  held = most = refused = 0;
  refused_from = kNever;
  limit = bytes;
  c10::SetAllocator(c10::kCPU, gate);
}

LimitedMemory::~LimitedMemory() { c10::SetAllocator(c10::kCPU, behind_gate); }

void LimitedMemory::set_limit(std::int64_t bytes) { limit = bytes; }
void LimitedMemory::refuse_next(std::int64_t of_bytes) { refused_from = of_bytes; }
std::int64_t LimitedMemory::peak() const { return most; }
std::int64_t LimitedMemory::refusals() const { return refused; }

}  // namespace recon::test
