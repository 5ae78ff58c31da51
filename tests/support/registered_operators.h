#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "operators/diagnostics.h"
#include "operators/registry.h"
#include "recon/core/error.h"
#include "tests/support/build_operator.h"

// The operators that tests of all operators run on: the examples of every registered kind.
namespace recon::test {

struct OperatorExample {
  std::string kind;
  std::size_t index;
  std::string json;
};

inline void PrintTo(const OperatorExample& example, std::ostream* out) { *out << example.json; }

inline std::vector<OperatorExample> all_operator_examples() {
  std::vector<OperatorExample> examples;
  for (const auto& kind : operator_kinds()) {
    for (std::size_t i = 0; i < kind.examples.size(); ++i) examples.push_back({kind.name, i, kind.examples[i]});
  }
  return examples;
}

inline std::string example_name(const testing::TestParamInfo<OperatorExample>& info) {
  return info.param.kind + "_" + std::to_string(info.param.index + 1);
}

/// The example on every kind of image it is for: square and oblong, one channel and two, real and complex; on colour
/// images when it refuses those; and on volumes, which a kind for images refuses and a kind for volumes insists on.
inline std::vector<OperatorPtr> built(const OperatorExample& example) {
  std::vector<OperatorPtr> operators;
  const auto build = [&](const TensorSpec& image) {
    try {
      operators.push_back(build_operator(example.json, image));
    } catch (const Error& refusal) {
      const std::string text = refusal.what();
      EXPECT_EQ(refusal.kind(), ErrorKind::usage);
      const bool known =
          text.find("expected a real image") != std::string::npos ||
          text.find(image.shape.size() == 4 ? "expected an image [" : "expected a volume [") != std::string::npos ||
          (image.shape.size() == 4 && text.find("expected images [") != std::string::npos);
      EXPECT_TRUE(known) << text;
    }
  };
  for (const Shape& shape : {Shape{1, 16, 16}, Shape{2, 12, 20}}) {
    build({shape, ScalarKind::real});
    build({shape, ScalarKind::complex});
  }
  for (const Shape& shape : {Shape{1, 4, 10, 10}, Shape{2, 3, 10, 12}}) {
    build({shape, ScalarKind::real});
    build({shape, ScalarKind::complex});
  }
  if (operators.empty()) build({{3, 12, 16}, ScalarKind::real});
  EXPECT_FALSE(operators.empty()) << "no image is good enough";
  return operators;
}

/// The laws that a report says are broken; empty when all hold.
inline std::string broken_laws(const OperatorReport& report) {
  std::string text;
  for (const auto& finding : report.findings) {
    if (!finding.holds()) {
      text += fmt::format("\n{} on {}: {} {:.3g} > {:.3g} ({})", report.name, report.domain.to_string(), finding.law,
                          finding.error, finding.bound, finding.detail);
    }
  }
  return text;
}

}  // namespace recon::test
