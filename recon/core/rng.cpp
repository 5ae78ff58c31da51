#include "recon/core/rng.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "recon/core/device.h"
#include "recon/core/error.h"
#include "recon/core/philox.h"

namespace recon {
namespace {

std::uint64_t stream_key(std::uint64_t seed, std::uint64_t stream, const StreamKey& key) {
  return philox::mix(philox::mix(philox::mix(seed) ^ stream) ^ key.item) ^ philox::mix(key.sample + 1ULL);
}

constexpr std::int64_t grain = 4096;

template <class T>
void fill_normal(T* out, std::uint64_t key, std::uint32_t step, std::int64_t count) {
  at::parallel_for(0, count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      out[i] = static_cast<T>(philox::normal(key, step, static_cast<std::uint64_t>(i)));
    }
  });
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

Rng::Rng(std::uint64_t seed, std::string_view stream) : seed_(seed), stream_(stable_hash(stream)) {}

at::Tensor Rng::normal(const std::vector<StreamKey>& keys, std::uint32_t step, const TensorSpec& spec,
                       const at::TensorOptions& like) const {
  if (keys.empty()) throw internal_error("Rng::normal", "expected at least one stream key");
  const at::ScalarType real = c10::toRealValueType(c10::typeMetaToScalarType(like.dtype()));
  Shape shape = spec.shape;
  shape.insert(shape.begin(), static_cast<std::int64_t>(keys.size()));
  if (spec.scalar == ScalarKind::complex) shape.push_back(2);
  const at::Tensor out = at::empty(shape, like.dtype(real));
  const std::int64_t count = spec.real_components();
  std::vector<std::uint64_t> streams;
  for (const StreamKey& key : keys) streams.push_back(stream_key(seed_, stream_, key));
  if (!out.is_cpu()) device_backend(out.device()).fill_normal(out, streams, step);
  for (std::size_t i = 0; out.is_cpu() && i < streams.size(); ++i) {
    const at::Tensor item = out[static_cast<std::int64_t>(i)];
    if (real == at::kDouble) {
      fill_normal(item.data_ptr<double>(), streams[i], step, count);
    } else {
      fill_normal(item.data_ptr<float>(), streams[i], step, count);
    }
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].mirrored) out[static_cast<std::int64_t>(i)].neg_();
  }
  return spec.scalar == ScalarKind::complex ? at::view_as_complex(out) : out;
}

at::Tensor Rng::uniform(const std::vector<StreamKey>& keys, std::uint32_t step, const TensorSpec& spec) const {
  if (keys.empty() || spec.scalar != ScalarKind::real)
    throw internal_error("Rng::uniform", "expected keys and a real spec");
  Shape shape = spec.shape;
  shape.insert(shape.begin(), static_cast<std::int64_t>(keys.size()));
  at::Tensor out = at::empty(shape, at::kDouble);
  const std::int64_t count = spec.numel();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t key = stream_key(seed_, stream_, keys[i]);
    auto* values = out[static_cast<std::int64_t>(i)].data_ptr<double>();
    for (std::int64_t j = 0; j < count; ++j) {
      const auto counter = static_cast<std::uint64_t>(j);
      const auto random =
          philox::block({{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), step, 1U}},
                        static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32));
      const double drawn = philox::uniform(random.word[0], random.word[1]);
      values[j] = keys[i].mirrored ? 1 - 0x1.0p-53 - drawn : drawn;  // a multiple of 2^-53 below 1, as the other
    }
  }
  return out;
}

}  // namespace recon
