#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "recon/core/rng.h"
#include "recon/core/tensor_spec.h"

namespace recon::test {

/// Uniform on [0, 1), complex ones in both parts; other numbers at each call, the same in each run of a test alone.
inline at::Tensor uniform(const Shape& shape, at::ScalarType dtype = at::kFloat) {
  static std::uint32_t calls = 0;
  const auto draw = [&] { return Rng(1, "test").uniform({{0, 0}}, calls++, {shape, ScalarKind::real})[0]; };
  return (at::isComplexType(dtype) ? at::complex(draw(), draw()) : draw()).to(dtype);
}

}  // namespace recon::test
