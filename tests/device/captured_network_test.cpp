// What a device repeats of a network is the network's own answer, one launch in place of hundreds.
#include "priors/networks/captured_network.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "priors/load_prior.h"
#include "recon/solvers/registry.h"
#include "tests/device/problems.h"
#include "tests/support/json_options.h"
#include "tests/support/strict_memory.h"

namespace recon::test {
namespace {

constexpr double kRounding = 2e-4;
constexpr int kCallsBefore = 2;

at::Tensor images(std::uint32_t step, std::int64_t count = 2) {
  return drawn({{1, 16, 16}, ScalarKind::real}, count, at::kFloat, step);
}

NoiseLevel level_of(const Prior& prior, double relative_sigma) {
  return prior.schedule().at(prior.schedule().time_of(relative_sigma));
}

/// Denoised and pulled back on the device and on the CPU, at another image and level each time.
void expect_equal(const Prior& prior, int calls) {
  for (int call = 0; call < calls; ++call) {
    SCOPED_TRACE(call);
    const NoiseLevel level = level_of(prior, 0.3 * (call + 1));
    const at::Tensor x = images(call), v = images(100 + call);
    const Linearized cpu = prior.linearize(x, level), device = prior.linearize(there(x), level);
    EXPECT_LT(difference(device.x0, cpu.x0), kRounding);
    EXPECT_LT(difference(device.pullback(there(v)), cpu.pullback(v)), kRounding);
    EXPECT_LT(difference(device.pullback(there(v.flip({2}))), cpu.pullback(v.flip({2}))), kRounding);
    EXPECT_LT(difference(prior.denoise(there(x), level), cpu.x0), kRounding);
  }
}

TEST(CapturedNetwork, AnswersAsTheNetworkDoes) { expect_equal(*load_prior("natural_gray"), kCallsBefore + 3); }

TEST(CapturedNetwork, GoesBackThroughAnEarlierPass) {
  const PriorPtr prior = load_prior("natural_gray");
  const NoiseLevel early = level_of(*prior, 3), late = level_of(*prior, 0.5);
  for (int call = 0; call <= kCallsBefore; ++call) prior->linearize(there(images(9)), late);
  const Linearized first = prior->linearize(there(images(1)), early), second = prior->linearize(there(images(2)), late);
  const at::Tensor v = images(3);
  for (int round = 0; round < 2; ++round) {
    EXPECT_LT(difference(first.pullback(there(v)), prior->linearize(images(1), early).pullback(v)), kRounding);
    EXPECT_LT(difference(second.pullback(there(v)), prior->linearize(images(2), late).pullback(v)), kRounding);
  }
}

TEST(CapturedNetwork, KeepsToTheShapeItIsGiven) {
  const PriorPtr prior = load_prior("natural_gray");
  const NoiseLevel level = level_of(*prior, 1);
  for (int round = 0; round <= kCallsBefore + 1; ++round) {
    for (const std::int64_t count : {1, 3, 2}) {
      const at::Tensor x = images(round, count);
      EXPECT_LT(difference(prior->denoise(there(x), level), prior->denoise(x, level)), kRounding);
    }
  }
}

TEST(CapturedNetwork, IsAHandfulOfLaunches) {
  if (!counts_are_known()) GTEST_SKIP() << "only the strict device counts";
  const PriorPtr prior = load_prior("natural_gray");
  const NoiseLevel level = level_of(*prior, 1);
  const at::Tensor x = there(images(1));
  const auto pass = [&] { prior->linearize(x, level).pullback(x); };
  const DeviceCounts own = counts_of(pass);
  for (int call = 1; call <= kCallsBefore; ++call) pass();
  const DeviceCounts repeated = counts_of(pass);
  fmt::print("launches of a pass with its pullback: {} by the network itself, {} repeated\n", own.launches,
             repeated.launches);
  EXPECT_LT(repeated.launches, own.launches / 4);
  EXPECT_EQ(repeated.host_reads, 0);
  EXPECT_EQ(repeated.uploads, 0);
}

/// out = weight * x, with a fault.
class FaultyNetwork final : public Network {
 public:
  enum class Fault { reads_the_host, bakes_a_number, none };
  FaultyNetwork(Fault fault, const at::Tensor& weight) : fault_(fault) { parameters_ = {{"weight", weight}}; }

  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const override {
    ++calls;
    at::Tensor factor = parameters_[0].value * t.view({-1, 1, 1, 1});
    if (fault_ == Fault::reads_the_host && factor.sum().item<double>() > 1e9) factor = -factor;
    if (fault_ == Fault::bakes_a_number) factor = factor * static_cast<double>(calls);
    return factor * x;
  }
  std::int64_t in_channels() const override { return 1; }
  std::int64_t out_channels() const override { return 1; }
  std::int64_t size_multiple() const override { return 1; }
  std::shared_ptr<const Network> to(c10::Device device) const override {
    return std::make_shared<const FaultyNetwork>(fault_, parameters_[0].value.to(device));
  }
  mutable std::int64_t calls = 0;

 private:
  Fault fault_;
};

std::shared_ptr<const FaultyNetwork> faulty(FaultyNetwork::Fault fault) {
  return std::make_shared<const FaultyNetwork>(fault, there(at::full({1}, 2.0, at::kFloat)));
}

at::Tensor times(double t) { return there(at::full({2}, t, at::kFloat)); }

TEST(CapturedNetwork, DoesNotRepeatWhatWaitsForTheDevice) {
  const auto network = faulty(FaultyNetwork::Fault::reads_the_host);
  const auto recorded = captured(network);
  for (int call = 1; call <= kCallsBefore + 3; ++call) {
    const at::Tensor x = images(call);
    EXPECT_LT(difference(recorded->forward(there(x), times(call)), 2.0 * call * x), 1e-6);
  }
  EXPECT_EQ(network->calls, kCallsBefore + 3 + 1);  // once more, which was to be recorded
}

TEST(CapturedNetwork, DoesNotRepeatWhatIsAnotherEachTime) {
  const auto network = faulty(FaultyNetwork::Fault::bakes_a_number);
  const auto recorded = captured(network);
  for (int call = 1; call <= kCallsBefore + 3; ++call) {
    const at::Tensor x = images(call), out = recorded->forward(there(x), times(1));
    EXPECT_LT(difference(out, 2.0 * static_cast<double>(network->calls) * x), 1e-6);
  }
}

TEST(CapturedNetwork, IsTheNetworkWhereItIsTrained) {
  const auto network = faulty(FaultyNetwork::Fault::none);
  const auto recorded = captured(network);
  network->parameters()[0].value.requires_grad_(true);
  constexpr int calls = kCallsBefore + 3;
  for (int call = 0; call < calls; ++call) {
    EXPECT_TRUE(recorded->forward(there(images(call)), times(1)).requires_grad());
  }
  EXPECT_EQ(network->calls, calls);
}

TEST(CapturedNetwork, RepeatsNothingWhereItIsNotWanted) {
  const auto network = faulty(FaultyNetwork::Fault::none);
  const auto recorded = captured(network);
  ::setenv("RECON_GRAPHS", "off", 1);
  for (int call = 0; call < 5; ++call) recorded->forward(there(images(call)), times(1));
  ::unsetenv("RECON_GRAPHS");
  EXPECT_EQ(network->calls, 5);
}

TEST(CapturedNetwork, GoesOnWithoutWhereMemoryEnds) {
  if (!counts_are_known()) GTEST_SKIP() << "only the strict device refuses memory";
  const PriorPtr prior = load_prior("natural_gray");
  const NoiseLevel level = level_of(*prior, 1);
  const at::Tensor x = images(1), expected = prior->denoise(x, level);
  reset_strict_peak();
  for (int call = 0; call < kCallsBefore; ++call) prior->denoise(there(x), level);
  limit_strict_memory(strict_peak() + 100'000);  // a recording keeps all that passes through it
  for (int call = 0; call < 3; ++call) EXPECT_LT(difference(prior->denoise(there(x), level), expected), kRounding);
  limit_strict_memory(0);
}

TEST(CapturedNetwork, TakesALaunchOrTwoOfAStepOfDps) {
  const Problem given =
      there(problem_of(task("blur", kSide), at::cat({phantom(kSide), 0.5 * phantom(kSide)}), {0.05, 0.1}));
  const auto solve = [&](const char* word, std::int64_t steps) {
    ::setenv("RECON_GRAPHS", word, 1);
    const PriorPtr prior = load_prior("natural_gray");
    const auto made = solver_kinds().find("dps", "test").make();
    JsonOptions read(fmt::format(R"({{"steps": {}, "solves": 0}})", steps));
    made->visit(read);
    read.finish();
    const at::Tensor x = made->solve(given, prior.get(), {.seed = 3, .observer = {}}).x;
    ::unsetenv("RECON_GRAPHS");
    return x;
  };
  const auto launches = [&](const char* word) {
    const auto of = [&](std::int64_t steps) { return counts_of([&] { solve(word, steps); }).launches; };
    return static_cast<double>(of(20) - of(12)) / 8;
  };
  EXPECT_LT(difference(solve("on", 12), solve("off", 12).cpu()), 1e-3);
  if (!counts_are_known()) return;
  const double off = launches("off"), on = launches("on");
  fmt::print("launches of a step of dps: {:.0f} without graphs, {:.0f} with\n", off, on);
  EXPECT_LT(on, off / 3);
}

}  // namespace
}  // namespace recon::test
