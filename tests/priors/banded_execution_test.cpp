// A network in bands of rows is the network as a whole, forward and backward, whatever layers it has.
#include "priors/networks/banded_execution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "priors/checkpoints/load_network.h"
#include "priors/load_prior.h"
#include "priors/networks/bounded_network.h"
#include "priors/networks/memory_need.h"
#include "recon/core/error.h"
#include "recon/core/memory_budget.h"
#include "recon/core/rng.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPlenty = std::int64_t{1} << 40;

at::Tensor noise(const Shape& shape, const char* what) {
  return Rng(3, what).normal({{0, 0}}, 0, {shape, ScalarKind::real}, at::kFloat)[0];
}

double relative_error(const at::Tensor& got, const at::Tensor& wanted) {
  return ((got - wanted).abs().max() / wanted.abs().max()).item<double>();
}

template <class Function>
std::string usage_complaint(Function function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "";
}

/// The networks that we have records of, of all architectures: those that are written in passes.
std::vector<std::string> layered_records() {
  std::vector<std::string> folders;
  for (const char* kind : {"unet2d", "adm", "song", "ncsnpp", "denoising_diffusion", "monai", "denoisers"}) {
    for (const auto& entry : fs::directory_iterator(test::source_path(std::string("tests/golden/") + kind))) {
      if (entry.is_directory()) folders.push_back(std::string(kind) + "/" + entry.path().filename().string());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

std::shared_ptr<const LayeredNetwork> layered_network(const std::string& record) {
  const PriorSources sources(fs::path(test::source_path("tests/golden")) / record);
  return std::dynamic_pointer_cast<const LayeredNetwork>(load_network(sources));
}

struct Case {
  at::Tensor x, t, v;

  explicit Case(const LayeredNetwork& network)
      // Neither square nor a multiple of the bands.
      : x(noise({2, network.in_channels(), 11 * multiple(network), 3 * multiple(network)}, "x")),
        t(at::tensor({0.7F, 3.5F})),
        v(noise({2, network.out_channels(), x.size(2), x.size(3)}, "v")) {}
  static std::int64_t multiple(const LayeredNetwork& network) {
    return std::max<std::int64_t>(network.size_multiple(), 4);
  }
};

class InBands : public testing::TestWithParam<std::string> {};

TEST_P(InBands, IsTheNetworkAsAWhole) {
  const auto network = layered_network(GetParam());
  ASSERT_NE(network, nullptr);
  const Case given(*network);
  const at::Tensor leaf = given.x.clone().requires_grad_(true);
  const at::Tensor whole = network->forward(leaf, given.t);
  const at::Tensor pulled = torch::autograd::grad({whole}, {leaf}, {given.v})[0];
  const c10::NoGradGuard no_grad;
  for (const std::int64_t memory : {kPlenty, std::int64_t{0}}) {  // stores in memory, stores in files
    BandedExecution run({.memory = memory, .recording = true, .band_bytes = 1});
    const FeatureMap in = run.input(given.x), out = network->through(run, in, given.t);
    // The tolerances of the records (golden_test.cpp): two orders of summation of the same layers.
    EXPECT_LT(relative_error(run.tensor(out), whole.detach()), 1e-5);
    EXPECT_LT(relative_error(run.pullback(in, out, given.v), pulled), 1e-4);
    EXPECT_LT(relative_error(run.pullback(in, out, 2 * given.v), 2 * pulled), 1e-4) << "a second time";
  }
}

std::string case_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Records, InBands, testing::ValuesIn(layered_records()), case_name);

// The statistics are what makes it exact: of a band alone they would be others.
TEST(Bands, HaveTheStatisticsOfTheWhole) {
  const auto network = layered_network("unet2d/plain_gray");
  const c10::NoGradGuard no_grad;
  Case given(*network);
  const at::Tensor ramp = at::linspace(-3, 3, given.x.size(2)).reshape({1, 1, -1, 1});
  const at::Tensor x = given.x + ramp;  // rows that are unlike each other
  const std::int64_t half = x.size(2) / 2 / network->size_multiple() * network->size_multiple();
  const at::Tensor whole = network->forward(x, given.t), top = network->forward(x.narrow(2, 0, half), given.t);
  EXPECT_GT(relative_error(top.narrow(2, 0, half / 2), whole.narrow(2, 0, half / 2)), 1e-3) << "rows do not tell";
  BandedExecution run({});
  EXPECT_LT(relative_error(run.tensor(network->through(run, run.input(x), given.t)), whole), 1e-5);
}

TEST(BoundedNetwork, IsOneStepOfTheTapeThatGoesBackAsOftenAsOneLikes) {
  const PriorPtr free = load_prior("natural_gray");
  const std::int64_t memory = resident_bytes() + (std::int64_t{100} << 20);
  const PriorPtr bound = load_prior("natural_gray", Precision::float32, memory);
  const at::Tensor x = noise({1, 1, 224, 256}, "x"), v = noise({1, 1, 224, 256}, "v");
  const NoiseLevel level{.alpha = 0.8, .sigma = 0.6};
  const auto need = memory_need(dynamic_cast<const LayeredNetwork&>(dynamic_cast<const NetworkPrior&>(*free).network()),
                                {1, 4, 112, 128});
  ASSERT_GT(need.whole_taped, memory / 2) << "the case does not use bands";
  const Linearized got = bound->linearize(x, level);
  const at::Tensor once = got.pullback(v);
  EXPECT_TRUE(at::equal(got.pullback(v), once));
  const Linearized expected = free->linearize(x, level);
  EXPECT_LT(relative_error(got.x0, expected.x0), 1e-5);
  EXPECT_LT(relative_error(once, expected.pullback(v)), 1e-5);
}

TEST(BoundedNetwork, TakesWhatFitsAsAWhole) {
  const PriorPtr free = load_prior("natural_gray"), bound = load_prior("natural_gray", Precision::float32, kPlenty);
  const at::Tensor x = noise({1, 1, 64, 64}, "x");
  const NoiseLevel level{.alpha = 0.8, .sigma = 0.6};
  EXPECT_TRUE(at::equal(bound->denoise(x, level), free->denoise(x, level)));
}

TEST(BoundedNetwork, SaysWhatABudgetHasToBe) {
  const PriorPtr bound = load_prior("natural_gray", Precision::float32, std::int64_t{1} << 20);
  const std::string message = usage_complaint([&] {
    bound->denoise(noise({1, 1, 64, 64}, "x"), {.alpha = 0.8, .sigma = 0.6});
  });
  test::expect_says(message, {"memory", "need at least", "GiB", "the budget is 0.00 GiB"});
}

TEST(RowStore, KeepsRowsInMemoryAndInFiles) {
  for (const auto place : {RowStore::Place::memory, RowStore::Place::file}) {
    RowStore store({2, 3, 7, 5}, place);
    EXPECT_EQ(store.read(0, 7).abs().sum().item<double>(), 0);
    const at::Tensor rows = noise({2, 3, 4, 5}, "rows");
    store.write(2, rows);
    store.add(3, rows);
    at::Tensor expected = at::zeros({2, 3, 7, 5});
    expected.narrow(2, 2, 4) += rows;
    expected.narrow(2, 3, 4) += rows;
    EXPECT_TRUE(at::equal(store.read(0, 7), expected));
    EXPECT_TRUE(at::equal(store.read(3, 5), expected.narrow(2, 3, 2)));
  }
}

TEST(RowStore, SaysWhereItHasNoPlace) {
  const char* const before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("TMPDIR", "/nowhere", 1);
  const std::string message = usage_complaint([] { const RowStore store({1, 1, 4, 4}, RowStore::Place::file); });
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
  test::expect_says(message, {"scratch file in /nowhere", "No such file", "TMPDIR"});
}

}  // namespace
}  // namespace recon
