#pragma once

#include <c10/core/Device.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "priors/networks/precision.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// What the option `precision` is for.
inline constexpr const char* precision_doc =
    "of the network's convolutions and matrix products (tf32, float16: GPUs only); auto: bfloat16 where a probe at "
    "first "
    "use finds it faster (AMX, AVX512-BF16, GPUs)";

/// What `precision: auto` takes for networks that take these seconds for a pass with its pullback: bfloat16 where it
/// saves more than a tenth.
Precision faster_precision(double float32_seconds, double bfloat16_seconds);

/// What `precision: auto` takes for a prior on images of that size [..., H, W].
///
/// A probe of about a second, or of two passes in each precision where these take longer, on an image of at most
/// 128 x 128 pixels. Its answer is kept in cache_folder() by processor, threads, program, prior and size: the same run
/// gives the same numbers on the same machine. Where nothing can be kept it is asked again each time. float32 for
/// priors without a network, and on devices that are neither a CPU nor a GPU of CUDA.
Precision choose_precision(const std::string& prior, const Shape& image, c10::Device device);

/// Settles `auto` (no value): `precision` and `resolved["precision"]` become what choose_precision() takes, float32
/// where no prior is `needed`. Any other precision stays; throws Error(usage) where the device does not have it.
void settle_precision(std::optional<Precision>& precision, nlohmann::ordered_json& resolved, bool needed,
                      const std::string& prior, const Shape& image, c10::Device device);

}  // namespace recon
