// The network of score_sde against records of its own layers, loaded from files as score_sde writes them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "priors/checkpoints/checkpoint.h"
#include "priors/checkpoints/golden.h"
#include "priors/load_prior.h"
#include "tests/priors/torch_files.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecords = fs::path(test::source_path("tests/golden/ncsnpp"));

class NcsnppGolden : public testing::TestWithParam<const char*> {};

TEST_P(NcsnppGolden, EqualsScoreSde) {
  const GoldenReport report = check_golden(kRecords / GetParam(), kRecords / GetParam() / "golden.safetensors");
  EXPECT_LT(report.output_error, 1e-5);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, 1e-4);
  fmt::print("{}: output error {:.2e}, vjp error {:.2e}\n", GetParam(), report.output_error, *report.vjp_error);
}

INSTANTIATE_TEST_SUITE_P(Records, NcsnppGolden, testing::Values("residual", "skips", "ddpmpp", "ve_steps"));

/// A copy of a record whose card has one text replaced.
fs::path changed(const char* record, const std::string& was, const std::string& is) {
  const fs::path folder = test::scratch_folder();
  fs::copy(kRecords / record, folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  std::ifstream file(folder / "prior.yaml");
  std::string card{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(card.find(was), std::string::npos) << was;
  test::write_text(folder / "prior.yaml", card.replace(card.find(was), was.size(), is));
  return folder;
}

// Options that the shapes of the weights do not show.
TEST(Ncsnpp, SeesAWrongOption) {
  for (const auto& [was, is] :
       std::vector<std::pair<std::string, std::string>>{{"centered: false", "centered: true"},
                                                        {"skip_rescale: true", "skip_rescale: false"},
                                                        {"scale_by_sigma: true", "scale_by_sigma: false"},
                                                        {"weights_key: [ema, shadow_params]", "weights_key: model"}}) {
    const fs::path folder = changed("residual", was, is);
    EXPECT_GT(check_golden(folder, folder / "golden.safetensors").output_error, 1e-4) << is;
  }
  const fs::path folder = changed("skips", "fir: true", "fir: false");
  EXPECT_GT(check_golden(folder, folder / "golden.safetensors").output_error, 1e-4);
}

// Between two indices of noise levels the output is divided by the sigma that the level has there.
TEST(Ncsnpp, DividesBySigmaBetweenItsSteps) {
  const PriorPtr prior = load_prior((kRecords / "ve_steps").string());
  const auto* const network_prior = dynamic_cast<const NetworkPrior*>(prior.get());
  ASSERT_NE(network_prior, nullptr);
  const NoiseLevel level = prior->schedule().at(0.301);
  const double index = 99 * (1 - 0.301);
  EXPECT_NEAR(network_input(network_prior->description(), level).time, index, 1e-9);
  const at::Tensor x = at::linspace(-1, 2, 4 * 256, at::kFloat).reshape({1, 4, 16, 16});
  const at::Tensor score = network_prior->network().forward(x, at::full({1}, index));
  const at::Tensor x0 = prior->denoise(x, level);
  EXPECT_LT((x0 - x - level.sigma * level.sigma * score).abs().max().item<double>(), 1e-3 * level.sigma);
  // The network itself is continuous in its time.
  const at::Tensor next = network_prior->network().forward(x, at::full({1}, index + 1e-3));
  EXPECT_LT((next - score).abs().max().item<double>(), 0.01 * score.abs().max().item<double>());
}

TEST(Ncsnpp, SaysWhatDoesNotFit) {
  const auto load = [](const std::string& was, const std::string& is) {
    const fs::path folder = changed("residual", was, is);
    return test::complaint([&] { load_prior(folder.string()); });
  };
  test::expect_says(load("ch_mult: [1, 3]", "ch_mult: [1, 1.5]"), {"ch_mult", "whole"});
  test::expect_says(load("image_size: 16", "image_size: 15"), {"image_size", "multiple of 2"});
  test::expect_says(load("nf: 4", "nf: 3"), {"'nf'", "groups of a norm"});
  test::expect_says(load("fir: true", "fir: false"), {"residual", "fir: true"});
  test::expect_says(load("progressive: none", "progressive: residual"), {"none, output_skip", "'residual'"});
  test::expect_says(load("num_res_blocks: 1", "num_res_blocks: 2"), {"missing", "all_modules."});
  test::expect_says(load("num_scales: 2000", "num_scales: 1000"), {"sigmas is [2000], expected [1000]"});
  test::expect_says(load("weights_key: [ema, shadow_params]", "weights_key: ema"), {"'shadow_params' (a list"});
  test::expect_says(load("weights_prefix: module.", ""), {"weights_prefix: module."});
  test::expect_says(load("time_input: relative_sigma", ""), {"time_input"});
}

std::string list(const std::string& items) { return "](" + items + "e"; }

/// A pickle of score_sde's layout with a list of averages.
std::string averages_pickle(const std::string& averages, const std::string& model_key = "model") {
  using test::dict;
  using test::storage;
  using test::tensor;
  const std::string model = dict({{"module.sigmas", tensor(storage("0", 6), 0, {6}, {1})},
                                  {"module.all_modules.0.W", tensor(storage("0", 6), 0, {6}, {1})},
                                  {"module.all_modules.1.weight", tensor(storage("1", 6), 0, {2, 3}, {3, 1})}});
  return test::pickle_of(dict({{"ema", dict({{"shadow_params", averages}})}, {model_key, model}}));
}

/// What reading the averages of a file with that pickle says.
std::string read_averages(const std::string& pickle) {
  const fs::path path = test::scratch_folder() / "checkpoint.pth";
  std::ofstream(path, std::ios::binary) << test::torch_file(pickle,
                                                            {test::floats(6), test::floats(6), test::floats(6)});
  return test::complaint([&] {
    const Checkpoint checkpoint = Checkpoint::open(path, {.keys = {"ema", "shadow_params"}, .prefix = "module."});
    for (const auto& name : checkpoint.names()) checkpoint.tensor(name);
  });
}

const std::string kAverage = test::tensor(test::storage("2", 6), 0, {2, 3}, {3, 1});

TEST(Ncsnpp, AListOfAveragesHasToFitTheModelBesideIt) {
  EXPECT_EQ(read_averages(averages_pickle(list(kAverage))), "");
  test::expect_says(read_averages(averages_pickle(list(kAverage + kAverage))), {"list of 2 values", "expected 1"});
  test::expect_says(read_averages(averages_pickle(list(test::tensor(test::storage("2", 6), 0, {3, 2}, {2, 1})))),
                    {"[3, 2]", "module.all_modules.1.weight", "[2, 3]"});
  test::expect_says(read_averages(averages_pickle(list(test::whole(7)))),
                    {"something else", "module.all_modules.1.weight"});
  test::expect_says(read_averages(averages_pickle(list(kAverage), "net")), {"no 'model'", "'net'"});
}

TEST(Ncsnpp, MutatedListsOfAveragesGiveTensorsOrOneError) {
  std::mt19937 random(3);
  const int rounds = 400;
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    refused += read_averages(test::mutated(averages_pickle(list(kAverage)), random)).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, rounds / 2);
}

}  // namespace
}  // namespace recon
