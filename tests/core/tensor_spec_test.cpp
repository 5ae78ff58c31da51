#include "recon/core/tensor_spec.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <thread>

#include "recon/core/all_finite.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(TensorSpec, CountsEntriesAndRealComponents) {
  EXPECT_EQ((TensorSpec{{2, 3, 4}, ScalarKind::real}.numel()), 24);
  EXPECT_EQ((TensorSpec{{2, 3, 4}, ScalarKind::real}.real_components()), 24);
  EXPECT_EQ((TensorSpec{{2, 3, 4}, ScalarKind::complex}.real_components()), 48);
  EXPECT_EQ((TensorSpec{{2, 3}, ScalarKind::complex}.to_string()), "complex [2, 3]");
}

TEST(TensorSpec, RequireAcceptsBothPrecisionsOfTheField) {
  const TensorSpec spec{{1, 4}, ScalarKind::real};
  EXPECT_NO_THROW(require(at::zeros({3, 1, 4}, at::kFloat), spec, "here"));
  EXPECT_NO_THROW(require(at::zeros({1, 1, 4}, at::kDouble), spec, "here"));
}

TEST(TensorSpec, RequireSaysWhereExpectedAndFound) {
  const TensorSpec spec{{1, 4}, ScalarKind::real};
  const auto refusal = [&](const at::Tensor& x) { return message_of([&] { require(x, spec, "blur.apply"); }); };
  const std::string wrong_shape = refusal(at::zeros({3, 1, 5}));
  EXPECT_NE(wrong_shape.find("blur.apply"), std::string::npos) << wrong_shape;
  EXPECT_NE(wrong_shape.find("real [1, 4]"), std::string::npos) << wrong_shape;
  EXPECT_NE(wrong_shape.find("[3, 1, 5]"), std::string::npos) << wrong_shape;
  EXPECT_NE(refusal(at::zeros({1, 4})), "(no error)");                        // the batch axis is missing
  EXPECT_NE(refusal(at::zeros({0, 1, 4})), "(no error)");                     // empty batch
  EXPECT_NE(refusal(at::zeros({1, 1, 4}, at::kComplexFloat)), "(no error)");  // wrong scalar kind
  EXPECT_NE(refusal(at::zeros({1, 1, 4}, at::kInt)), "(no error)");           // not floating
  EXPECT_NE(refusal(at::Tensor()), "(no error)");
}

TEST(TensorSpec, RequireFiniteNamesTheFirstOffender) {
  at::Tensor x = at::zeros({2, 3, 4});
  EXPECT_NO_THROW(require_finite(x, "f.h5:/measurements"));
  x[1][2][3] = std::numeric_limits<float>::quiet_NaN();
  x[1][0][1] = std::numeric_limits<float>::infinity();
  const std::string message = message_of([&] { require_finite(x, "f.h5:/measurements"); });
  EXPECT_NE(message.find("f.h5:/measurements: 2 of 24"), std::string::npos) << message;
  EXPECT_NE(message.find("[1, 0, 1]"), std::string::npos) << message;
}

TEST(TensorSpec, AllFiniteLooksAtEveryPartOfEveryEntry) {
  constexpr double infinite = std::numeric_limits<double>::infinity(), none = std::numeric_limits<double>::quiet_NaN();
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kComplexFloat, at::kComplexDouble, at::kHalf}) {
    const at::Tensor x = at::full({3, 5}, -0.5, type);
    EXPECT_TRUE(all_finite(x)) << type;
    for (const double bad : {infinite, -infinite, none}) {
      const at::Tensor y = x.clone(), part = x.is_complex() ? at::imag(y) : y;
      part[2][4] = bad;
      EXPECT_FALSE(all_finite(y)) << type << " " << bad;
      EXPECT_FALSE(all_finite(y.t())) << type << " " << bad;
      EXPECT_TRUE(all_finite(y.narrow(1, 0, 4))) << type << " a view without it";
    }
  }
  const double largest = std::numeric_limits<double>::max();
  EXPECT_TRUE(all_finite(at::full({2}, largest, at::kDouble)));
  EXPECT_TRUE(all_finite(at::complex(at::full({2}, largest, at::kDouble), at::full({2}, largest, at::kDouble))));
  EXPECT_TRUE(all_finite(at::ones({2}, at::kLong)));
}

TEST(TensorSpec, InnerProductIsRealAndPerItem) {
  const at::Tensor a = at::complex(at::tensor({1.0, 0.0}), at::tensor({2.0, 3.0})).reshape({1, 2});
  const at::Tensor b = at::complex(at::tensor({5.0, 1.0}), at::tensor({-1.0, 2.0})).reshape({1, 2});
  // Re(conj(1+2i)(5-i)) + Re(conj(3i)(1+2i)) = (5 - 2) + 6
  EXPECT_DOUBLE_EQ(real_inner(a, b)[0].item<double>(), 9.0);
  EXPECT_DOUBLE_EQ(squared_norms(a)[0].item<double>(), 14.0);
  const at::Tensor x = at::arange(6, at::kDouble).reshape({2, 3});
  EXPECT_DOUBLE_EQ(squared_norms(x)[0].item<double>(), 5.0);
  EXPECT_DOUBLE_EQ(squared_norms(x)[1].item<double>(), 50.0);
}

TEST(TensorSpec, ResolvedMaterialisesTheLazyConjugate) {
  const at::Tensor x = at::complex(at::tensor({1.0}), at::tensor({2.0}));
  const at::Tensor raw = resolved(x.conj());
  EXPECT_FALSE(raw.is_conj());
  EXPECT_EQ(raw.data_ptr<c10::complex<double>>()[0].imag(), -2.0);
}

TEST(DeviceConstant, FollowsDeviceAndPrecisionOfItsPartner) {
  const DeviceConstant mask(at::tensor({0, 1, 1}, at::kInt));
  EXPECT_EQ(mask.value().scalar_type(), at::kDouble);
  EXPECT_EQ(mask.like(at::zeros({1}, at::kFloat)).scalar_type(), at::kFloat);
  EXPECT_EQ(mask.like(at::zeros({1}, at::kComplexFloat)).scalar_type(), at::kFloat);
  const DeviceConstant transfer(at::complex(at::ones({2}), at::ones({2})));
  EXPECT_EQ(transfer.like(at::zeros({1}, at::kFloat)).scalar_type(), at::kComplexFloat);
  EXPECT_EQ(transfer.like(at::zeros({1}, at::kDouble)).scalar_type(), at::kComplexDouble);
  EXPECT_TRUE(mask.like(at::zeros({1}, at::kFloat)).is_same(mask.like(at::zeros({9}, at::kFloat))));  // converted once
}

TEST(DeviceConstant, IsUnaffectedByLaterChangesOfItsSource) {
  const at::Tensor source = at::ones({2}, at::kDouble);
  const DeviceConstant constant(source);
  source.zero_();
  EXPECT_EQ(constant.value().sum().item<double>(), 2.0);
}

TEST(DeviceConstant, ConvertsSafelyFromSeveralThreads) {
  const DeviceConstant constant(at::arange(1000, at::kDouble));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto dtype = i % 2 == 0 ? at::kFloat : at::kDouble;
      if (constant.like(at::zeros({1}, dtype)).sum().item<double>() != 499500.0) ++wrong;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace recon
