#pragma once

#include <ATen/ATen.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "data/atomic_file.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon::testing_data {

inline const std::string golden = test::source_path("tests/golden/data/");

/// A folder of this test alone, removed afterwards.
class DataTest : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = test::scratch_folder(); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  std::filesystem::path folder_;
};

/// Same type, shape and bytes: NaN payloads and the sign of zero count.
inline ::testing::AssertionResult same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.defined() != b.defined()) return ::testing::AssertionFailure() << "one is undefined";
  if (!a.defined()) return ::testing::AssertionSuccess();
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) {
    return ::testing::AssertionFailure() << a.toString() << a.sizes() << " against " << b.toString() << b.sizes();
  }
  const at::Tensor left = resolved(a), right = resolved(b);
  if (left.nbytes() == 0 || std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "the values differ";
}

/// Runs `action`, which must throw Error of `kind` whose message holds every one of `words`.
template <class Action>
void expect_error(ErrorKind kind, const std::vector<std::string>& words, const Action& action) {
  try {
    action();
    ADD_FAILURE() << "no error; expected one with: " << fmt::format("{}", fmt::join(words, " | "));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    for (const auto& word : words) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << "'" << word << "' in: " << error.what();
    }
  }
}

template <class Action>
void expect_data_error(const std::vector<std::string>& words, const Action& action) {
  expect_error(ErrorKind::data, words, action);
}

inline std::string file_bytes(const std::string& path) { return read_whole_file(path, std::int64_t{1} << 30); }

}  // namespace recon::testing_data
