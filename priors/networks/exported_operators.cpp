#include "priors/networks/exported_operators.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::string_view kAten = "torch.ops.aten.";

/// Names in namespace aten, of all their overloads that write to no argument.
const std::set<std::string_view>& allowed_names() {
  static const std::set<std::string_view> names{
      // of each element
      "abs", "acos", "add", "addcdiv", "addcmul", "angle", "asin", "asinh", "atan", "atan2", "bitwise_and",
      "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "celu", "clamp", "clamp_max", "clamp_min", "clip", "complex",
      "conj", "conj_physical", "_conj", "copysign", "cos", "cosh", "div", "divide", "elu", "eq", "erf", "erfc", "exp",
      "exp2", "expm1", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "ge", "gelu", "glu", "greater", "gt",
      "hardsigmoid", "hardswish", "hardtanh", "heaviside", "hypot", "imag", "isfinite", "isinf", "isnan", "le",
      "leaky_relu", "lerp", "less", "log", "log10", "log1p", "log2", "log_sigmoid", "logaddexp", "logical_and",
      "logical_not", "logical_or", "logical_xor", "logit", "lt", "masked_fill", "maximum", "minimum", "mish", "mul",
      "multiply", "nan_to_num", "ne", "neg", "negative", "polar", "pow", "prelu", "real", "reciprocal", "relu", "relu6",
      "remainder", "resolve_conj", "resolve_neg", "round", "rsqrt", "rsub", "selu", "sgn", "sigmoid", "sign", "silu",
      "sin", "sinc", "sinh", "softplus", "softshrink", "special_expm1", "sqrt", "square", "sub", "subtract", "tan",
      "tanh", "threshold", "to", "_to_copy", "true_divide", "trunc", "type_as", "view_as_complex", "view_as_real",
      "where", "xlogy",
      // products
      "addbmm", "addmm", "addmv", "baddbmm", "bmm", "dot", "einsum", "inner", "linear", "matmul", "mm", "mv", "outer",
      "tensordot", "_weight_norm",
      // convolutions, norms, attention
      "batch_norm", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
      "convolution", "dropout", "_fused_rms_norm", "group_norm", "instance_norm", "layer_norm", "linalg_norm",
      "linalg_vector_norm", "_log_softmax", "log_softmax", "logsumexp", "_native_batch_norm_legit_no_training",
      "native_group_norm", "native_layer_norm", "norm", "rms_norm", "scaled_dot_product_attention",
      "_scaled_dot_product_flash_attention_for_cpu", "_softmax", "softmax",
      // sizes of images
      "_adaptive_avg_pool2d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "channel_shuffle", "constant_pad_nd",
      "grid_sampler", "grid_sampler_2d", "affine_grid_generator", "max_pool2d", "max_pool2d_with_indices", "pad",
      "pixel_shuffle", "pixel_unshuffle", "reflection_pad1d", "reflection_pad2d", "replication_pad1d",
      "replication_pad2d", "upsample_bicubic2d", "_upsample_bicubic2d_aa", "upsample_bilinear2d",
      "_upsample_bilinear2d_aa", "upsample_linear1d", "upsample_nearest1d", "upsample_nearest2d",
      "_upsample_nearest_exact2d",
      // the same elements in other places
      "alias", "broadcast_tensors", "broadcast_to", "cat", "chunk", "clone", "concat", "contiguous", "detach",
      "diagonal", "expand", "expand_as", "flatten", "flip", "gather", "im2col", "index", "index_select",
      "lift_fresh_copy", "meshgrid", "movedim", "narrow", "permute", "repeat", "repeat_interleave", "reshape",
      "reshape_as", "roll", "rot90", "select", "slice", "split", "split_with_sizes", "squeeze", "stack", "swapaxes",
      "t", "take_along_dim", "tensor_split", "tile", "transpose", "tril", "triu", "unbind", "unflatten", "unfold",
      "_unsafe_index", "_unsafe_view", "unsafe_chunk", "unsafe_split", "unsqueeze", "view", "view_as", "embedding",
      // sums
      "all", "amax", "amin", "any", "argmax", "argmin", "cumsum", "max", "mean", "min", "prod", "std", "std_mean",
      "sum", "var", "var_mean",
      // new tensors
      "arange", "eye", "full", "full_like", "linspace", "new_full", "new_ones", "new_zeros", "ones", "ones_like",
      "scalar_tensor", "zeros", "zeros_like",
      // Fourier transforms
      "_fft_c2c", "_fft_c2r", "_fft_r2c", "fft_fft2", "fft_fftn", "fft_fftshift", "fft_ifft2", "fft_ifftn",
      "fft_ifftshift", "fft_irfft2", "fft_irfftn", "fft_rfft2", "fft_rfftn",
      // sizes
      "sym_numel", "sym_size", "sym_stride"};
  return names;
}

using Arguments = std::vector<c10::IValue>;

/// One kind of arithmetic: on so many numbers, and what it gives.
struct Arithmetic {
  std::size_t count;
  std::function<c10::IValue(const Arguments&)> compute;  ///< none for arguments that it does not take
};

bool all_whole(const Arguments& a) {
  return std::all_of(a.begin(), a.end(), [](const c10::IValue& one) { return one.isInt(); });
}
bool all_truths(const Arguments& a) {
  return std::all_of(a.begin(), a.end(), [](const c10::IValue& one) { return one.isBool(); });
}
bool all_numbers(const Arguments& a) {
  return std::all_of(a.begin(), a.end(), [](const c10::IValue& one) { return one.isInt() || one.isDouble(); });
}
double number(const c10::IValue& value) {
  return value.isInt() ? static_cast<double>(value.toInt()) : value.toDouble();
}
/// A real as a whole number, none where there is none.
c10::IValue whole(double value) {
  constexpr double kLargest = 9e15;
  return std::abs(value) < kLargest ? c10::IValue(static_cast<std::int64_t>(value)) : c10::IValue();
}

/// `checked` on whole numbers returns true on overflow; `plain` computes with reals.
Arithmetic binary(bool (*checked)(std::int64_t, std::int64_t, std::int64_t*), double (*plain)(double, double)) {
  return {2, [=](const Arguments& a) -> c10::IValue {
            if (!all_whole(a)) return all_numbers(a) ? c10::IValue(plain(number(a[0]), number(a[1]))) : c10::IValue();
            std::int64_t result = 0;
            return checked(a[0].toInt(), a[1].toInt(), &result) ? c10::IValue() : c10::IValue(result);
          }};
}

Arithmetic comparison(bool (*compare)(double, double), bool (*of_whole)(std::int64_t, std::int64_t)) {
  return {2, [=](const Arguments& a) -> c10::IValue {
            if (all_whole(a)) return of_whole(a[0].toInt(), a[1].toInt());
            return all_numbers(a) ? c10::IValue(compare(number(a[0]), number(a[1]))) : c10::IValue();
          }};
}

/// Python's division, which rounds down; true where there is none.
bool floor_division(std::int64_t a, std::int64_t b, std::int64_t* result) {
  if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min())) return true;
  *result = a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
  return false;
}
bool modulo(std::int64_t a, std::int64_t b, std::int64_t* result) {
  std::int64_t quotient = 0;
  if (floor_division(a, b, &quotient)) return true;
  *result = a - quotient * b;
  return false;
}
bool power(std::int64_t base, std::int64_t exponent, std::int64_t* result) {
  constexpr std::int64_t kMaxExponent = 62;
  if (exponent < 0 || exponent > kMaxExponent) return true;
  *result = 1;
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(*result, base, result)) return true;
  }
  return false;
}

Arithmetic of_truths(std::size_t count, bool (*compute)(const Arguments&)) {
  return {count, [=](const Arguments& a) { return all_truths(a) ? c10::IValue(compute(a)) : c10::IValue(); }};
}
Arithmetic of_real(c10::IValue (*compute)(double)) {
  return {1, [=](const Arguments& a) { return all_numbers(a) ? compute(number(a[0])) : c10::IValue(); }};
}

const std::map<std::string, Arithmetic>& arithmetic() {
  using Int = std::int64_t;
  static const std::map<std::string, Arithmetic> table{
      {"_operator.add", binary([](Int a, Int b, Int* c) { return __builtin_add_overflow(a, b, c); },
                               [](double a, double b) { return a + b; })},
      {"_operator.sub", binary([](Int a, Int b, Int* c) { return __builtin_sub_overflow(a, b, c); },
                               [](double a, double b) { return a - b; })},
      {"_operator.mul", binary([](Int a, Int b, Int* c) { return __builtin_mul_overflow(a, b, c); },
                               [](double a, double b) { return a * b; })},
      {"_operator.floordiv", binary(floor_division, [](double a, double b) { return std::floor(a / b); })},
      {"_operator.mod", binary(modulo, [](double a, double b) { return a - b * std::floor(a / b); })},
      {"_operator.pow", binary(power, [](double a, double b) { return std::pow(a, b); })},
      {"torch.sym_max", binary([](Int a, Int b, Int* c) { return *c = std::max(a, b), false; },
                               [](double a, double b) { return std::max(a, b); })},
      {"torch.sym_min", binary([](Int a, Int b, Int* c) { return *c = std::min(a, b), false; },
                               [](double a, double b) { return std::min(a, b); })},
      {"_operator.eq", comparison([](double a, double b) { return a == b; }, [](Int a, Int b) { return a == b; })},
      {"_operator.ne", comparison([](double a, double b) { return a != b; }, [](Int a, Int b) { return a != b; })},
      {"_operator.le", comparison([](double a, double b) { return a <= b; }, [](Int a, Int b) { return a <= b; })},
      {"_operator.lt", comparison([](double a, double b) { return a < b; }, [](Int a, Int b) { return a < b; })},
      {"_operator.ge", comparison([](double a, double b) { return a >= b; }, [](Int a, Int b) { return a >= b; })},
      {"_operator.gt", comparison([](double a, double b) { return a > b; }, [](Int a, Int b) { return a > b; })},
      {"_operator.and_", of_truths(2, [](const Arguments& a) { return a[0].toBool() && a[1].toBool(); })},
      {"_operator.or_", of_truths(2, [](const Arguments& a) { return a[0].toBool() || a[1].toBool(); })},
      {"torch.sym_not", of_truths(1, [](const Arguments& a) { return !a[0].toBool(); })},
      {"torch.sym_float", of_real([](double a) { return c10::IValue(a); })},
      {"torch._sym_sqrt", of_real([](double a) { return c10::IValue(std::sqrt(a)); })},
      {"math.trunc", of_real([](double a) { return whole(std::trunc(a)); })},
      {"math.ceil", of_real([](double a) { return whole(std::ceil(a)); })},
      {"math.floor", of_real([](double a) { return whole(std::floor(a)); })},
      {"_operator.neg",
       {1,
        [](const Arguments& a) -> c10::
                                   IValue {
                                     Int result = 0;
                                     if (a[0].isDouble()) return -a[0].toDouble();
                                     const bool fits =
                                         a[0].isInt() && !__builtin_sub_overflow(Int{0}, a[0].toInt(), &result);
                                     return fits ? c10::IValue(result) : c10::IValue();
                                   }}},
      {"_operator.truediv", {2, [](const Arguments& a) {
                               return all_numbers(a) ? c10::IValue(number(a[0]) / number(a[1])) : c10::IValue();
                             }}}};
  return table;
}

}  // namespace

c10::OperatorHandle allowed_operator(const std::string& target, const std::string& location) {
  const std::string_view whole(target);
  const std::size_t dot = target.rfind('.');
  if (!whole.starts_with(kAten) || dot < kAten.size()) {
    throw data_error(location, "calls '{}', which is none of the operators that an exported network may use", target);
  }
  const std::string name = target.substr(kAten.size(), dot - kAten.size()), overload = target.substr(dot + 1);
  const auto handle = c10::Dispatcher::singleton().findSchema({"aten::" + name, overload == "default" ? "" : overload});
  const bool allowed = allowed_names().contains(name);
  if (handle && handle->schema().is_mutable() &&
      (allowed || allowed_names().contains(name.substr(0, name.size() - 1)))) {
    throw data_error(location,
                     "calls '{}', which overwrites its argument; export by "
                     "torch.export.export(...).run_decompositions({{}}), which replaces such calls",
                     target);
  }
  if (!allowed || !handle) {
    throw data_error(location, "calls '{}', which is none of the operators that an exported network may use", target);
  }
  return *handle;
}

bool is_remark(const std::string& target) {
  static const std::set<std::string_view> remarks{
      "torch.ops.aten._assert_tensor_metadata.default", "torch.ops.aten._assert_scalar.default",
      "torch.ops.aten.sym_constrain_range.default", "torch.ops.aten.sym_constrain_range_for_size.default"};
  return remarks.contains(target);
}

bool is_arithmetic(const std::string& target) { return arithmetic().contains(target); }

c10::IValue compute_arithmetic(const std::string& target, const Arguments& arguments, const std::string& location) {
  const Arithmetic& wanted = arithmetic().at(target);
  c10::IValue result;
  if (arguments.size() == wanted.count) result = wanted.compute(arguments);
  if (result.isNone()) throw data_error(location, "'{}' has no result for these arguments", target);
  return result;
}

}  // namespace recon
