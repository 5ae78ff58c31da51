#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace recon {

/// How far a network is from recorded outputs of its original.
///
/// Errors are max|ours - recorded| / max|recorded| over the whole batch.
struct GoldenReport {
  std::int64_t items = 0;           ///< batch size of the record
  double output_error = 0;          ///< of out = net(x, t)
  std::optional<double> vjp_error;  ///< of d<out, v>/dx, when the record has v and vjp

  double largest_error() const;
};

/// Runs the network of a prior folder on the record `file`, a safetensors file with
///
///     x [B, in_channels, H, W], t [B], out [B, out_channels, H, W], optionally v (as out) and vjp (as x)
///
/// where x is the network's own input (after space-to-depth, if the prior has one) and t its own time. Throws
/// Error(data) for a record with other tensors or shapes, and what loading a network throws.
GoldenReport check_golden(const std::filesystem::path& prior_folder, const std::filesystem::path& file);

}  // namespace recon
