// The heap of the program, and of the benchmarks, which measure what the program does.
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#ifndef __SANITIZE_ADDRESS__  // whose heap is another
namespace {

/// Lets the heap grow in huge pages and keep what it has. LibTorch registers its operators in some ten thousand small
/// blocks before main() runs, and an iteration allocates and frees images all the time: with pages of 4 KiB, given back
/// and asked for again, the kernel takes a fifth to a third of a short call.
void prepare_heap() {
  constexpr int keep_up_to = 32 << 20;  // the largest that glibc takes: blocks above are mapped and unmapped each time
  constexpr int reserve = 256 << 20, page = 2 << 20;
  mallopt(M_MMAP_THRESHOLD, keep_up_to);
  mallopt(M_TRIM_THRESHOLD, 2 * reserve);
  mallopt(M_TOP_PAD, reserve);
  void* volatile more_than_it_has = std::malloc(page);  // the heap grows, by the reserve too: addresses, no memory
  std::free(more_than_it_has);
  mallopt(M_TOP_PAD, page);
  const auto end = reinterpret_cast<std::uintptr_t>(sbrk(0)) / page * page;
  madvise(reinterpret_cast<void*>(end - reserve + page), reserve - page, MADV_HUGEPAGE);  // advice: may be refused
}

/// Before the initialisers of the shared libraries.
__attribute__((section(".preinit_array"), used)) void (*const prepare_heap_first)() = prepare_heap;

}  // namespace
#endif
