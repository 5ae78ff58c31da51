#pragma once

#include <sys/resource.h>

#include "data/bart_file.h"
#include "tests/commands/program.h"

namespace recon {

/// PSNR in dB of the magnitudes after the best scale, peak = largest of the truth.
inline double psnr_of(const at::Tensor& image, const at::Tensor& truth) {
  const at::Tensor a = image.abs().to(at::kDouble).flatten(), b = truth.abs().to(at::kDouble).flatten();
  const at::Tensor scaled = a * ((a * b).sum() / a.square().sum());
  const double error = (scaled - b).square().mean().item<double>();
  return 10 * std::log10(std::pow(b.max().item<double>(), 2) / error);
}

/// A line of figures, at once.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("{}\n", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

class BartTest : public ProgramTest {
 protected:
  static constexpr std::int64_t size = 128, coils = 8, centre = 24;

  void SetUp() override {
    ProgramTest::SetUp();
    if (shell("which bart").exit_code != 0) GTEST_SKIP() << "no bart: apt-get install bart";
  }

  void bart(const std::string& arguments) const {
    const Outputs got = shell("bart " + arguments);
    ASSERT_EQ(got.exit_code, 0) << arguments << got.out << got.err;
  }
  at::Tensor array(const std::string& name) const { return read_bart(path(name).string()).squeeze(); }

  /// Processor seconds (user and system, all threads) of a command: on a busy machine the wall clock says nothing.
  /// `worst`: the largest exit code that is fine.
  double seconds(const std::string& command, int worst = 0) const {
    const auto used = [] {
      rusage usage{};
      getrusage(RUSAGE_CHILDREN, &usage);
      const auto of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
      };
      return of(usage.ru_utime) + of(usage.ru_stime);
    };
    const double before = used();
    const Outputs got = shell(command);
    EXPECT_LE(got.exit_code, worst) << command << got.err;
    return used() - before;
  }
};

}  // namespace recon
