#include "operators/fourier/fftw_plans.h"

#include <fftw3.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "recon/core/error.h"

namespace recon::fftw {
namespace {

// FFTW names every type and function once per precision; these structs give the two sets one spelling.
struct Single {
  using Real = float;
  using Complex = fftwf_complex;
  using Plan = fftwf_plan;
  static constexpr auto initialise = fftwf_init_threads;
  static constexpr auto set_threads = fftwf_plan_with_nthreads;
  static constexpr auto allocate = fftwf_malloc;
  static constexpr auto release = fftwf_free;
  static constexpr auto plan_complex = fftwf_plan_many_dft;
  static constexpr auto plan_real_to_half = fftwf_plan_dft_r2c_2d;
  static constexpr auto plan_half_to_real = fftwf_plan_dft_c2r_2d;
  static constexpr auto execute_complex = fftwf_execute_dft;
  static constexpr auto execute_real_to_half = fftwf_execute_dft_r2c;
  static constexpr auto execute_half_to_real = fftwf_execute_dft_c2r;
};

struct Double {
  using Real = double;
  using Complex = fftw_complex;
  using Plan = fftw_plan;
  static constexpr auto initialise = fftw_init_threads;
  static constexpr auto set_threads = fftw_plan_with_nthreads;
  static constexpr auto allocate = fftw_malloc;
  static constexpr auto release = fftw_free;
  static constexpr auto plan_complex = fftw_plan_many_dft;
  static constexpr auto plan_real_to_half = fftw_plan_dft_r2c_2d;
  static constexpr auto plan_half_to_real = fftw_plan_dft_c2r_2d;
  static constexpr auto execute_complex = fftw_execute_dft;
  static constexpr auto execute_real_to_half = fftw_execute_dft_r2c;
  static constexpr auto execute_half_to_real = fftw_execute_dft_c2r;
};

template <class Api>
typename Api::Plan make_plan(const PlanKey& key) {
  // FFTW_ESTIMATE reads no array, but wants some of the right alignment.
  const auto height = static_cast<int>(key.height);
  const auto width = static_cast<int>(key.width);
  const std::size_t bytes =
      sizeof(typename Api::Complex) * static_cast<std::size_t>(key.height * std::max(key.pitch, key.width + 2));
  void* in = Api::allocate(bytes);
  void* out = Api::allocate(bytes);
  auto* complex_in = static_cast<typename Api::Complex*>(in);
  auto* complex_out = static_cast<typename Api::Complex*>(out);
  const unsigned flags = FFTW_ESTIMATE | (key.aligned ? 0U : FFTW_UNALIGNED);
  Api::set_threads(key.threads);
  typename Api::Plan plan = nullptr;
  switch (key.kind) {
    case Kind::forward:
    case Kind::backward: {
      const int pitch = static_cast<int>(key.pitch), size[] = {height, width}, rows[] = {height, pitch};
      const int sign = key.kind == Kind::forward ? FFTW_FORWARD : FFTW_BACKWARD;
      const auto transforms = [&](int axes, const int* n, int count, const int* embedding, int stride, int distance) {
        return Api::plan_complex(axes, n, count, complex_in, embedding, stride, distance, complex_in, embedding, stride,
                                 distance, sign, flags);
      };
      if (key.along == Along::both) plan = transforms(2, size, 1, rows, 1, 0);
      if (key.along == Along::rows) plan = transforms(1, size + 1, height, nullptr, 1, pitch);
      if (key.along == Along::columns) plan = transforms(1, size, width, nullptr, pitch, 1);
      break;
    }
    case Kind::real_to_half:
      plan = Api::plan_real_to_half(height, width, static_cast<typename Api::Real*>(in), complex_out, flags);
      break;
    case Kind::half_to_real:
      plan = Api::plan_half_to_real(height, width, complex_in, static_cast<typename Api::Real*>(out), flags);
      break;
  }
  Api::release(in);
  Api::release(out);
  if (plan == nullptr) throw internal_error("fftw", "no plan for a {} x {} transform", key.height, key.width);
  return plan;
}

/// Kept until the process ends: FFTW's own clean-up frees what other threads may still execute.
template <class Api>
class PlanCache {
 public:
  typename Api::Plan find(const PlanKey& key) {
    const std::lock_guard lock(planner_mutex());
    const auto known = plans_.find(key);
    if (known != plans_.end()) return known->second;
    if (plans_.empty()) Api::initialise();
    return plans_[key] = make_plan<Api>(key);
  }

  std::int64_t size() {
    const std::lock_guard lock(planner_mutex());
    return static_cast<std::int64_t>(plans_.size());
  }

  static PlanCache& instance() {
    static auto* cache = new PlanCache;
    return *cache;
  }

 private:
  static std::mutex& planner_mutex() {
    static std::mutex mutex;
    return mutex;
  }
  std::map<PlanKey, typename Api::Plan> plans_;
};

template <class Api>
void execute(const PlanKey& key, void* in, void* out) {
  const auto plan = PlanCache<Api>::instance().find(key);
  auto* complex_in = static_cast<typename Api::Complex*>(in);
  auto* complex_out = static_cast<typename Api::Complex*>(out);
  switch (key.kind) {
    case Kind::forward:
    case Kind::backward:
      Api::execute_complex(plan, complex_in, complex_out);
      break;
    case Kind::real_to_half:
      Api::execute_real_to_half(plan, static_cast<typename Api::Real*>(in), complex_out);
      break;
    case Kind::half_to_real:
      Api::execute_half_to_real(plan, complex_in, static_cast<typename Api::Real*>(out));
      break;
  }
}

}  // namespace

void transform(const PlanKey& key, void* in, void* out) {
  if (key.double_precision) {
    execute<Double>(key, in, out);
  } else {
    execute<Single>(key, in, out);
  }
}

std::int64_t plan_count() { return PlanCache<Single>::instance().size() + PlanCache<Double>::instance().size(); }

}  // namespace recon::fftw
