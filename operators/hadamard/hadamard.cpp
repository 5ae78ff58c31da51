#include "operators/hadamard/hadamard.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "operators/masks.h"
#include "recon/core/device_index.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::int64_t power_of_two_from(std::int64_t n) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(n)));
}

class Hadamard final : public LinearOperator {
 public:
  /// `rows`: indices into the flattened coefficients of the height x width mirrors.
  Hadamard(const TensorSpec& image, std::int64_t height, std::int64_t width, const std::vector<std::int64_t>& rows,
           const std::string& order)
      : LinearOperator(fmt::format("hadamard({}, {:.1f} % measured)", order,
                                   100 * static_cast<double>(rows.size()) / static_cast<double>(height * width)),
                       image, {{image.shape[0], std::ssize(rows)}, image.scalar}),
        height_(height),
        width_(width),
        rows_(rows) {}

  bool is_unitary() const override { return fits() && rows_.size() == height_ * width_; }

  std::optional<SpectralForm> spectral() const override {
    if (!fits()) return std::nullopt;
    return SpectralForm{.analyze = [](const at::Tensor& x) { return walsh_hadamard(x.flatten(2)); },
                        .synthesize =
                            [h = height_, w = width_](const at::Tensor& c) {
                              return walsh_hadamard(c).view({c.size(0), c.size(1), h, w});
                            },
                        .eigenvalues =
                            [rows = rows_, n = height_ * width_](const at::Tensor& like) {
                              const at::Tensor values = at::zeros({1, 1, n}, like.options().dtype(real_dtype(like)));
                              return values.index_fill_(-1, rows.on(like.device()), 1);
                            }};
  }

 private:
  bool fits() const { return height_ == domain().shape[1] && width_ == domain().shape[2]; }

  at::Tensor do_apply(const at::Tensor& x) const override {
    const at::Tensor mirrors = at::constant_pad_nd(x, {0, width_ - x.size(3), 0, height_ - x.size(2)});
    return walsh_hadamard(mirrors.flatten(2)).index_select(-1, rows_.on(x.device()));
  }

  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const at::Tensor coefficients = at::zeros({y.size(0), y.size(1), height_ * width_}, y.options());
    coefficients.index_copy_(-1, rows_.on(y.device()), y.resolve_conj());
    const at::Tensor mirrors = walsh_hadamard(coefficients).view({y.size(0), y.size(1), height_, width_});
    return mirrors.narrow(2, 0, domain().shape[1]).narrow(3, 0, domain().shape[2]).contiguous();
  }

  std::int64_t height_, width_;
  DeviceIndex rows_;
};

std::vector<std::int64_t> lowest_sequencies(std::int64_t height, std::int64_t width, std::int64_t count) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(height * width));
  std::iota(rows.begin(), rows.end(), 0);
  const auto key = [&](std::int64_t i) {
    const std::int64_t down = sequency(i / width, height), across = sequency(i % width, width);
    return std::pair(down + across, down);
  };
  std::sort(rows.begin(), rows.end(), [&](std::int64_t a, std::int64_t b) { return key(a) < key(b); });
  rows.resize(static_cast<std::size_t>(count));
  return rows;
}

std::vector<std::int64_t> random_rows(std::int64_t patterns, std::int64_t count, std::int64_t seed) {
  std::vector<std::int64_t> rows{0};
  for (const std::int64_t row : random_order(patterns, seed, "hadamard")) {
    if (row != 0 && std::ssize(rows) < count) rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

enum class PatternOrder { sequency, random };
constexpr auto words_of(PatternOrder) {
  return std::to_array<Word<PatternOrder>>({{PatternOrder::sequency, "sequency"}, {PatternOrder::random, "random"}});
}

struct HadamardOptions {
  double fraction = 0.25;
  PatternOrder order = PatternOrder::sequency;
  std::int64_t seed = 0;

  void visit(ParameterVisitor& v) {
    v.field("fraction", fraction, "share of all patterns that is measured", {.min = 0, .max = 1, .open_min = true});
    v.choice("order", order, "which patterns: the smoothest, or any");
    v.field("seed", seed, "random: which patterns", {.min = 0});
  }
};

OperatorPtr hadamard_from(const HadamardOptions& options, const TensorSpec& image, const std::string& location) {
  require_image(image, location);
  const std::int64_t height = power_of_two_from(image.shape[1]), width = power_of_two_from(image.shape[2]);
  const std::int64_t count =
      std::max<std::int64_t>(1, std::llround(options.fraction * static_cast<double>(height * width)));
  const auto rows = options.order == PatternOrder::random ? random_rows(height * width, count, options.seed)
                                                          : lowest_sequencies(height, width, count);
  return std::make_shared<Hadamard>(image, height, width, rows, to_string(options.order));
}

}  // namespace

at::Tensor walsh_hadamard(const at::Tensor& x) {
  const std::int64_t n = x.size(-1);
  if (n < 1 || !std::has_single_bit(static_cast<std::uint64_t>(n))) {
    throw internal_error("walsh_hadamard", "expected a power of two, got {} entries", n);
  }
  at::Tensor c = (x * (1 / std::sqrt(static_cast<double>(n)))).reshape({-1, n});
  for (std::int64_t half = 1; half < n; half *= 2) {
    const at::Tensor pairs = c.view({-1, n / (2 * half), 2, half});
    const at::Tensor first = pairs.select(2, 0), second = pairs.select(2, 1);
    c = at::stack({first + second, first - second}, 2);
  }
  return c.view(x.sizes());
}

std::int64_t sequency(std::int64_t index, std::int64_t size) {
  // Row i in natural order is the Walsh function whose sequency has the reversed bits of i as its Gray code.
  std::int64_t result = 0;
  bool bit = false;
  for (std::int64_t weight = size / 2; weight > 0; weight /= 2, index >>= 1) {
    bit = bit != ((index & 1) != 0);
    if (bit) result += weight;
  }
  return result;
}

OperatorKind hadamard_kind() {
  return OperatorKind::of<HadamardOptions>(
      {.name = "hadamard",
       .summary = "single-pixel camera: some coefficients of the Walsh-Hadamard transform",
       .examples = {R"({"type": "hadamard", "fraction": 0.3})",
                    R"({"type": "hadamard", "fraction": 0.5, "order": "random", "seed": 2})",
                    R"({"type": "hadamard", "fraction": 1})"}},
      hadamard_from);
}

}  // namespace recon
