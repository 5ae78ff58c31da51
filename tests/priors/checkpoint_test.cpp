#include "priors/checkpoints/checkpoint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "priors/checkpoints/golden.h"
#include "priors/json_fields.h"
#include "priors/checkpoints/load_network.h"
#include "priors/checkpoints/safetensors.h"
#include "recon/core/error.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecords = fs::path(test::source_path("tests/golden/unet2d"));
const char* const kUsual = "diffusion_pytorch_model.safetensors";

TEST(Checkpoint, FindsTheWeightsOfAFolder) {
  const fs::path folder = test::scratch_folder();
  const auto open = [&] { Checkpoint::open(folder); };
  test::expect_says(test::complaint(open), {folder.string(), "no *.safetensors"});
  test::write_text(folder / "diffusion_pytorch_model.bin", "pickle");
  test::expect_says(test::complaint(open), {"diffusion_pytorch_model.bin", "too short for a header"});
  write_safetensors(folder / "other.safetensors", {{"a", at::zeros({1})}});
  EXPECT_EQ(Checkpoint::open(folder).names(), std::vector<std::string>{"a"});
  write_safetensors(folder / "third.safetensors", {{"c", at::zeros({1})}});
  test::expect_says(test::complaint(open), {"other.safetensors", "third.safetensors"});
  write_safetensors(folder / kUsual, {{"b", at::zeros({1})}});
  EXPECT_EQ(Checkpoint::open(folder).names(), std::vector<std::string>{"b"});
}

TEST(Checkpoint, ReadsShardsByTheirIndexOnly) {
  const fs::path folder = test::scratch_folder();
  const auto index = [&](const std::string& map) {
    test::write_text(folder / "m.safetensors.index.json", R"({"metadata": {}, "weight_map": )" + map + "}");
    return test::complaint([&] { Checkpoint::open(folder); });
  };
  write_safetensors(folder / "m-1.safetensors", {{"a", at::full({1}, 1.0)}});
  write_safetensors(folder / "m-2.safetensors", {{"b", at::full({1}, 2.0)}, {"c", at::full({1}, 3.0)}});
  EXPECT_EQ(index(R"({"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-2.safetensors"})"), "");
  EXPECT_EQ(Checkpoint::open(folder).tensor("c").item<double>(), 3);
  test::expect_says(index(R"({"a": "m-1.safetensors", "b": "m-2.safetensors"})"), {"m-2.safetensors", "'c'"});
  test::expect_says(index(R"({"a": "m-1.safetensors", "x": "m-1.safetensors"})"), {"m-1.safetensors", "'x'"});
  test::expect_says(index(R"({"a": "m-3.safetensors"})"), {"m-3.safetensors"});
  test::expect_says(index(R"({"a": "../m-1.safetensors"})"), {"'a'", "beside the index"});
  test::expect_says(index(R"({"a": 7})"), {"'a'"});
  test::expect_says(index(R"(["a"])"), {"weight_map"});
  test::expect_says(index(R"({"a": "m-1.safetensors", "a": "m-2.safetensors"})"), {"twice"});
  write_safetensors(folder / "m-1.safetensors", {{"a", at::zeros({1})}, {"b", at::zeros({1})}});
  test::expect_says(index(R"({"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-2.safetensors"})"), {"'b'"});
}

TEST(CheckpointParameters, ListEveryFaultAtOnce) {
  const fs::path folder = test::scratch_folder();
  write_safetensors(folder / kUsual,
                    {{"fits", at::zeros({2, 3})}, {"bent", at::zeros({3, 2})}, {"spare", at::zeros({1})}});
  const Checkpoint checkpoint = Checkpoint::open(folder);
  CheckpointParameters parameters(checkpoint);
  EXPECT_EQ(parameters.get("fits", {2, 3}).numel(), 6);
  parameters.get("bent", {2, 3});
  parameters.get("absent", {1});
  test::expect_says(test::complaint([&] { parameters.require_complete(); }),
                    {kUsual, "missing: absent", "bent is [3, 2], expected [2, 3]", "not part of the network: spare"});
}

// The names of a network behind a random prefix, beside tensors that are nobody's: the one message names the prefix.
TEST(CheckpointParameters, ProposeThePrefixForTwoHundredRandomOnes) {
  std::mt19937 random(5);
  const fs::path folder = test::scratch_folder();
  const std::vector<std::string> parts = {"module.", "model.", "ema.", "_orig_mod.", "unet.", "net.0.", "denoise_fn."};
  for (int round = 0; round < 200; ++round) {
    std::string prefix;
    for (unsigned k = 0; k <= random() % 3; ++k) prefix += parts[random() % parts.size()];
    std::map<std::string, at::Tensor> stored = {{"step", at::zeros({1})}, {"other.bias", at::zeros({1})}};
    std::vector<std::string> names;
    for (unsigned k = 0; k < 2 + random() % 6; ++k) names.push_back(fmt::format("block.{}.weight", k));
    for (const auto& name : names) stored[prefix + name] = at::ones({2});
    write_safetensors(folder / kUsual, stored);
    const Checkpoint checkpoint = Checkpoint::open(folder);
    CheckpointParameters parameters(checkpoint);
    for (const auto& name : names) parameters.get(name, {2});
    test::expect_says(test::complaint([&] { parameters.require_complete(); }),
                      {"`weights_prefix: " + prefix + "` in prior.yaml", fmt::format("{0} of {0}", names.size())});
    const Checkpoint chosen = Checkpoint::open(folder, {.keys = {}, .prefix = prefix});
    CheckpointParameters found(chosen);
    for (const auto& name : names) EXPECT_EQ(found.get(name, {2}).numel(), 2);
    EXPECT_EQ(test::complaint([&] { found.require_complete(); }), "") << prefix;
  }
}

TEST(Checkpoint, NamesAGitLfsPointer) {
  const std::string pointer = test::source_path("tests/golden/field_cases/lfs_pointer.safetensors");
  test::expect_says(test::complaint([&] { Checkpoint::open(pointer); }),
                    {"lfs_pointer.safetensors", "Git LFS pointer", "1000 bytes", "git lfs pull"});
}

// Texts and words at random; the words outside texts become texts, those inside stay.
TEST(JsonFiles, PythonsWordsAreTextsForTwoHundredRandomFiles) {
  std::mt19937 random(9);
  const fs::path path = test::scratch_folder() / "a.json";
  const std::vector<std::pair<std::string, nlohmann::json>> values = {
      {"NaN", "NaN"},
      {"Infinity", "Infinity"},
      {"-Infinity", "-Infinity"},
      {"-1.5", -1.5},
      {R"("a NaN, \"Infinity\" \\")", "a NaN, \"Infinity\" \\"},
      {"null", nullptr}};
  for (int round = 0; round < 200; ++round) {
    std::string text = "[";
    nlohmann::json expected = nlohmann::json::array();
    for (unsigned k = 0; k < 1 + random() % 8; ++k) {
      const auto& [written, meant] = values[random() % values.size()];
      text += (k > 0 ? ", " : "") + (random() % 2 == 0 ? written : R"({"Infinity": )" + written + "}");
      expected.push_back(text.ends_with("}") ? nlohmann::json{{"Infinity", meant}} : meant);
    }
    test::write_text(path, text + "]");
    EXPECT_EQ(parse_json_file(path), expected) << text;
  }
  test::write_text(path, R"({"beta_start": -Infinity})");
  const nlohmann::json object = parse_json_file(path);
  JsonFields fields(object, "a.json");
  double value = 0;
  test::expect_says(test::complaint([&] { fields.read("beta_start", value); }),
                    {"beta_start", "a number", "-Infinity"});
}

TEST(CheckpointParameters, TakePointwiseConvolutionsForAttentionOnly) {
  const fs::path folder = test::scratch_folder();
  write_safetensors(folder / kUsual, {{"a.query.weight", at::arange(4, at::kHalf).reshape({2, 2, 1, 1})},
                                      {"a.other.weight", at::zeros({2, 2, 1, 1})}});
  const Checkpoint checkpoint = Checkpoint::open(folder);
  CheckpointParameters parameters(checkpoint);
  EXPECT_TRUE(at::equal(parameters.get("a.to_q.weight", {2, 2}), at::arange(4, at::kFloat).reshape({2, 2})));
  parameters.get("a.other.weight", {2, 2});
  test::expect_says(test::complaint([&] { parameters.require_complete(); }), {"a.other.weight is [2, 2, 1, 1]"});
}

TEST(LoadNetwork, ComparesTheCheckpointWithTheConfig) {
  const fs::path folder = test::scratch_folder();
  fs::copy(kRecords / "plain_gray/unet", folder, fs::copy_options::recursive);
  const auto load = [&] { load_network(PriorSources(folder)); };
  EXPECT_EQ(test::complaint(load), "");
  fs::copy_file(kRecords / "attention_rgb/unet/config.json", folder / "config.json",
                fs::copy_options::overwrite_existing);
  test::expect_says(test::complaint(load),
                    {kUsual, "missing: ", "down_blocks.1.attentions.0.to_q.weight",
                     "of another shape: ", "conv_in.weight is [4, 1, 3, 3], expected [4, 3, 3, 3]"});
  fs::remove(folder / "config.json");
  test::expect_says(test::complaint(load), {folder.string(), "config.json"});
}

TEST(LoadNetwork, FreezesTheWeights) {
  const auto network = load_network(PriorSources(kRecords / "plain_gray"));
  EXPECT_EQ(network->parameter_count(), 10'405);
  for (const auto& parameter : network->parameters()) EXPECT_FALSE(parameter.value.requires_grad());
}

TEST(CheckpointParameters, FourierFrequenciesMayBeThereByBothTheirNames) {
  const fs::path folder = test::scratch_folder();
  const auto complaint = [&](const std::map<std::string, at::Tensor>& tensors) {
    write_safetensors(folder / kUsual, tensors);
    return test::complaint([&] {
      const Checkpoint checkpoint = Checkpoint::open(folder);
      CheckpointParameters parameters(checkpoint);
      const at::Tensor w = parameters.get("time_proj.weight", {2});
      parameters.require_complete();
      EXPECT_TRUE(at::equal(w, at::ones({2})));
    });
  };
  const at::Tensor w = at::ones({2});
  EXPECT_EQ(complaint({{"time_proj.weight", w}}), "");
  EXPECT_EQ(complaint({{"time_proj.W", w}}), "");
  EXPECT_EQ(complaint({{"time_proj.weight", w}, {"time_proj.W", w}}), "");  // google/ncsnpp-*
  test::expect_says(complaint({{"time_proj.weight", w}, {"time_proj.W", 2 * w}}), {"not part", "time_proj.W"});
}

TEST(Golden, SeesAWrongWeightAndAWrongConvention) {
  const fs::path folder = test::scratch_folder();
  fs::copy(kRecords / "one_head_padding0", folder, fs::copy_options::recursive);
  const fs::path record = folder / "golden.safetensors";
  EXPECT_LT(check_golden(folder, record).largest_error(), 1e-4);
  // Each of these options is a trap of FIELD.md: reading it as the class default must not go unnoticed.
  std::ifstream file(folder / "config.json");
  const std::string config{std::istreambuf_iterator<char>(file), {}};
  const std::vector<std::pair<std::string, std::string>> mistakes{
      {"\"downsample_padding\": 0", "\"downsample_padding\": 1"},
      {"\"attention_head_dim\": null", "\"attention_head_dim\": 2"},
      {"\"flip_sin_to_cos\": false", "\"flip_sin_to_cos\": true"},
      {"\"freq_shift\": 1", "\"freq_shift\": 0"}};
  for (const auto& [right, wrong] : mistakes) {
    std::string changed = config;
    ASSERT_NE(changed.find(right), std::string::npos) << right;
    test::write_text(folder / "config.json", changed.replace(changed.find(right), right.size(), wrong));
    EXPECT_GT(check_golden(folder, record).output_error, 1e-4) << wrong;
  }
}

TEST(Golden, RefusesOtherRecords) {
  const fs::path folder = kRecords / "plain_gray", record = test::scratch_folder() / "record.safetensors";
  const auto check = [&](const std::map<std::string, at::Tensor>& tensors) {
    write_safetensors(record, tensors);
    return test::complaint([&] { check_golden(folder, record); });
  };
  const at::Tensor x = at::zeros({1, 1, 8, 8}), t = at::zeros({1});
  EXPECT_EQ(check({{"x", x}, {"t", t}, {"out", x}}), "");
  test::expect_says(check({{"x", x}, {"t", t}}), {"'out'"});
  test::expect_says(check({{"x", x}, {"t", at::zeros({2})}, {"out", x}}), {"'t'"});
  test::expect_says(check({{"x", at::zeros({1, 3, 8, 8})}, {"t", t}, {"out", x}}), {"'x'"});
  test::expect_says(check({{"x", at::zeros({1, 1, 7, 8})}, {"t", t}, {"out", x}}), {"'x'", "multiples of 2"});
  test::expect_says(check({{"x", x}, {"t", t}, {"out", x}, {"v", x}}), {"v and vjp"});
  test::expect_says(check({{"x", x}, {"t", t}, {"out", x}, {"y", x}}), {"'y'"});
}

}  // namespace
}  // namespace recon
