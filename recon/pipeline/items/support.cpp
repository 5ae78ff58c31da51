#include "recon/pipeline/items/support.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "operators/algebra.h"
#include "operators/inpainting/inpainting.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// [H, W] bool: whether any channel holds something else than 0.
at::Tensor any_signal(const at::Tensor& y) { return (y.cpu() != 0).any(0); }

std::int64_t count_of(const at::Tensor& flags) { return flags.sum().item<std::int64_t>(); }

struct MaskCandidate {
  const char* what;
  at::Tensor mask;
};

/// What people's masks are when they are not what they should be. Mirrored and transposed ones only where they fit.
std::vector<MaskCandidate> mistaken(const at::Tensor& mask, bool frequencies) {
  std::vector<MaskCandidate> candidates = {
      {"the wrong way round (1 must mean measured): use 1 - mask", mask.logical_not()},
      {"upside down: flip its rows", mask.flip({0})},
      {"mirrored: flip its columns", mask.flip({1})},
  };
  const bool square = mask.size(0) == mask.size(1);
  if (square) candidates.push_back({"transposed (rows and columns exchanged): use its transpose", mask.t()});
  if (square)
    candidates.push_back({"transposed and the wrong way round: use 1 - its transpose", mask.t().logical_not()});
  if (!frequencies) return candidates;
  const at::Tensor shifted = at::roll(mask, {mask.size(0) / 2, mask.size(1) / 2}, {0, 1});
  candidates.push_back({"not centred (frequency 0 belongs in the middle): apply fftshift", shifted});
  return candidates;
}

/// Entries that cannot be: data where nothing was measured, and none where something was.
std::int64_t contradictions(const at::Tensor& signal, const at::Tensor& mask) { return count_of(signal != mask); }

/// Whether every row (dim 0) or column (dim 1) of `flags` is all true or all false.
bool in_lines(const at::Tensor& flags, std::int64_t dim) { return at::equal(flags.all(1 - dim), flags.any(1 - dim)); }

}  // namespace

at::Tensor on_support(const at::Tensor& y, const at::Tensor& support) {
  if (!support.defined()) return y;
  return at::where(support.to(y.device()) != 0, y, at::zeros({}, y.options()));
}

OperatorPtr measuring_only(const OperatorPtr& op, const at::Tensor& measured) {
  at::Tensor mask = measured.to(at::kCPU, at::kDouble);
  if (const at::Tensor support = op->support(); support.defined()) mask = mask * support;
  return compose(make_inpainting(op->range(), mask, "measured"), op);
}

void require_mask_agrees(const at::Tensor& y, const at::Tensor& support, const std::string& location) {
  if (!support.defined() || y.dim() != 3) return;
  const at::Tensor signal = any_signal(y);
  const at::Tensor mask = (support.cpu().expand(y.sizes()) != 0).any(0);
  const std::int64_t entries = signal.numel(), zeros = entries - count_of(signal);
  if (zeros < std::max<std::int64_t>(4, entries / 50) || zeros == entries) return;
  // Data beside the mask's ones, and not only zeros within (a dark picture has those): only then is the mask wrong.
  const std::int64_t beside = count_of(signal.logical_and(mask.logical_not()));
  const std::int64_t wrong = contradictions(signal, mask);
  const std::int64_t substantial = std::min(zeros, entries - zeros) / 4;
  if (beside < std::max<std::int64_t>(2, substantial / 4) || wrong <= substantial) return;
  for (const auto& [what, other] : mistaken(mask, y.is_complex())) {
    if (20 * contradictions(signal, other) > wrong) continue;
    throw data_error(
        location,
        "expected zeros where the mask says not measured, found data at {} of those {} positions and exact "
        "zeros at {} of the {} measured ones; the mask is {}",
        beside, count_of(mask.logical_not()), count_of(signal.logical_not().logical_and(mask)), count_of(mask), what);
  }
  for (const std::int64_t dim : {0, 1}) {
    if (!in_lines(signal, dim) || !in_lines(mask, 1 - dim) || in_lines(mask, dim)) continue;
    throw data_error(
        location,
        "expected the mask to leave out whole {}, as the data do, found that it leaves out whole {}; it is "
        "laid along the wrong axis",
        dim == 0 ? "rows" : "columns", dim == 0 ? "columns" : "rows");
  }
}

std::optional<FoundMask> mask_from_zeros(const at::Tensor& y, const at::Tensor& support) {
  if (y.dim() != 3 || !y.is_complex()) return std::nullopt;
  const at::Tensor signal = any_signal(y);
  const at::Tensor mask = support.defined() ? (support.cpu().expand(y.sizes()) != 0).any(0) : at::ones_like(signal);
  const at::Tensor empty = mask.logical_and(signal.logical_not()), found = mask.logical_and(signal);
  const std::int64_t missing = count_of(empty), left = count_of(found), entries = signal.numel();
  if (missing == 0 || left < std::max<std::int64_t>(64, entries / 50)) return std::nullopt;
  FoundMask result{.mask = found.to(at::kDouble), .text = {}};
  for (const std::int64_t dim : {0, 1}) {
    if (!in_lines(signal, dim) || !in_lines(mask, dim)) continue;
    const at::Tensor lines = empty.any(1 - dim);
    result.text =
        fmt::format("{} of {} {} are exact zeros", count_of(lines), lines.numel(), dim == 0 ? "rows" : "columns");
    return result;
  }
  result.text = fmt::format("{} of {} frequencies are exact zeros", missing, count_of(mask));
  return result;
}

std::string saturation_warning(const at::Tensor& y, const at::Tensor& support) {
  if (y.is_complex()) return "";
  at::Tensor chosen = at::isfinite(y.cpu());
  if (support.defined()) chosen = chosen.logical_and(support.cpu().expand(y.sizes()) != 0);
  const at::Tensor values = std::get<0>(y.cpu().masked_select(chosen).to(at::kDouble).sort());
  const std::int64_t many = std::max<std::int64_t>(16, values.numel() / 200);
  if (values.numel() < 4 * many) return "";
  std::string text;
  for (const bool top : {false, true}) {
    const at::Tensor limit = top ? values[-1] : values[0];
    if (!top && limit.item<double>() == 0) continue;  // black is a value
    const std::int64_t there = count_of(values == limit);
    // Coarse values are shared at every level; a limit stands out against its neighbour.
    const at::Tensor others = values.masked_select(values != limit);
    if (there < many || others.numel() == 0) continue;
    const std::int64_t next = count_of(others == (top ? others[-1] : others[0]));
    if (there < 5 * next) continue;
    text += fmt::format("{}{} of {} values are exactly the {} one, {:.6g}", text.empty() ? "" : "; ", there,
                        values.numel(), top ? "largest" : "smallest", limit.item<double>());
  }
  return text.empty() ? ""
                      : text + ": saturated, or a fill value? Mask them (operator: mask, 0 there) or use `clipping`";
}

}  // namespace recon
