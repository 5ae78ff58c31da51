#include "priors/networks/avx512.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace recon {
namespace {

bool has_amx() {
#ifdef __x86_64__
  constexpr unsigned tiles = 1U << 24;  // CPUID 7.0, EDX: AMX-TILE
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & tiles) != 0;
#else
  return false;
#endif
}

}  // namespace

bool has_avx512() {
#ifdef __x86_64__
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return has;
#else
  return false;
#endif
}

bool has_avx512_bfloat16() {
#ifdef __x86_64__
  static const bool has = has_avx512() && __builtin_cpu_supports("avx512bf16") && !has_amx();
  return has;
#else
  return false;
#endif
}

}  // namespace recon
