#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace recon {

// Numbers of a batch, one per entry (norms, step lengths, weights, flags), are tensors `[batch]` on the device of the
// images that they belong to, float64 unless they are flags: an iteration computes with them there, and the host waits
// for the device only where it has to know one.

/// The values, one per entry, for computations with the numbers of `like`'s batch.
at::Tensor per_entry(const std::vector<double>& values, const at::Tensor& like);
at::Tensor per_entry(double value, const at::Tensor& like);  ///< the same for each entry

/// Values of a batch on the host: one wait for the device, whatever their number.
std::vector<double> host_values(const at::Tensor& values);

/// `values` [batch], numbers or flags, as [batch, 1, ...] that broadcasts to `like`.
at::Tensor along_batch(const at::Tensor& values, const at::Tensor& like);

/// Whether an iteration should look at its stopping rule now, `iteration` counting from 0: always where a look is free,
/// on the CPU; on other devices, where it makes the host wait, every fourth time. What is done takes no further steps,
/// so a late look costs time and changes nothing.
bool is_time_to_look(std::int64_t iteration, const at::Tensor& flags);

}  // namespace recon
