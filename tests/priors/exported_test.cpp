// Networks that torch.export wrote: computed as Python computes them, and refused where they ask for more.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "priors/checkpoints/golden.h"
#include "priors/load_prior.h"
#include "priors/network_prior.h"
#include "priors/networks/exported_network.h"
#include "recon/core/rng.h"
#include "tests/priors/exported_archives.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using test::ExportedFile;

const ProgramConfig kConfig{.in_channels = 1, .size_multiple = 2, .learn_sigma = true};

// The same operations: rounding only. The sizes are others than that of the export.
TEST(Exported, EqualsTheModuleInPythonAtOtherSizes) {
  for (const auto& [record, sizes] : std::map<std::string, std::vector<std::string>>{
           {"small", {"8x12", "20x16", "32x32"}}, {"norms", {"8x12", "20x16", "32x32"}}, {"decomposed", {"20x16"}}}) {
    for (const std::string& size : sizes) {
      const fs::path folder = test::exported_record(record);
      const GoldenReport report = check_golden(folder, folder / ("golden_" + size + ".safetensors"));
      EXPECT_LT(report.output_error, 1e-6) << record << " " << size;
      ASSERT_TRUE(report.vjp_error.has_value());
      EXPECT_LT(*report.vjp_error, 1e-5) << record << " " << size;
    }
  }
}

TEST(Exported, IsAPrior) {
  const PriorPtr prior = load_prior(test::exported_record().string());
  EXPECT_TRUE(prior->learns_variance());
  EXPECT_TRUE(prior->domain().fixed_size.empty());
  const at::Tensor x = at::full({2, 1, 8, 8}, 0.25);
  const Linearized linear = prior->linearize(x, prior->schedule().at(500));
  EXPECT_TRUE(at::allclose(linear.x0, prior->denoise(x, prior->schedule().at(500))));
  EXPECT_EQ(linear.pullback(x).sizes(), x.sizes());
  // As often as needed.
  EXPECT_TRUE(at::equal(linear.pullback(x), linear.pullback(x)));
  const PriorSummary summary = inspect_prior(test::exported_record().string());
  EXPECT_EQ(summary.parameters, 2346);
  EXPECT_EQ(summary.weight_types, "torch.export");
}

TEST(Exported, ComputesInReducedPrecision) {
  const std::string folder = test::exported_record().string();
  const PriorPtr full = load_prior(folder), reduced = load_prior(folder, Precision::bfloat16);
  const at::Tensor x = Rng(3, "x").normal({{0, 0}}, 0, {{1, 16, 16}, ScalarKind::real}, at::kFloat);
  const NoiseLevel level = full->schedule().at(200);
  const double difference = (full->denoise(x, level) - reduced->denoise(x, level)).abs().max().item<double>();
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 0.05);
}

/// The network of a changed archive.
std::shared_ptr<const Network> network_of(const ExportedFile& file) {
  const fs::path path = fs::temp_directory_path() / "changed.pt2";
  file.write(path);
  return load_exported(path, kConfig);
}

TEST(Exported, TakesBatchesApartThatAreLargerThanTheExportAllows) {
  ExportedFile file;
  const auto whole = network_of(file);
  for (auto& [symbol, range] : file.program["range_constraints"].items()) range["max_val"] = 32;
  const auto narrow = network_of(file);
  const std::vector<StreamKey> keys = [] {
    std::vector<StreamKey> made;
    for (std::uint64_t i = 0; i < 40; ++i) made.push_back({i, 0});
    return made;
  }();
  const at::Tensor x = Rng(3, "x").normal(keys, 0, {{1, 8, 8}, ScalarKind::real}, at::kFloat);
  const at::Tensor t = at::arange(40, at::kFloat) * 20;
  EXPECT_TRUE(at::allclose(whole->forward(x, t), narrow->forward(x, t), 1e-4, 1e-5));
  test::expect_says(test::complaint([&] {
                      narrow->forward(at::zeros({1, 1, 34, 8}), at::zeros({1}));
                    }),
                    {"changed.pt2", "height", "to 32, got 34"});
  const auto fixed = [&](std::int64_t batch) {
    auto& inputs = file.program["graph_module"]["graph"]["tensor_values"];
    for (const char* input : {"x", "t"}) inputs[input]["sizes"][0] = {{"as_int", batch}};
    return network_of(file);
  };
  EXPECT_TRUE(at::allclose(whole->forward(x, t), fixed(1)->forward(x, t), 1e-4, 1e-5));
  test::expect_says(test::complaint([&] { fixed(2); }), {"batches of 2", "dynamic batch"});
}

/// What is said of the recorded archive after a change.
template <class Change>
std::string said(Change change) {
  ExportedFile file;
  change(file);
  return test::complaint([&] { network_of(file)->forward(at::zeros({1, 1, 8, 8}), at::zeros({1})); });
}

TEST(Exported, RefusesOperatorsByName) {
  const auto calling = [](const char* target) {
    return said([&](ExportedFile& file) { file.node("torch.ops.aten.silu.default")["target"] = target; });
  };
  EXPECT_EQ(calling("torch.ops.aten.gelu.default"), "");
  for (const char* target :
       {"torch.ops.aten.rand_like.default", "torch.ops.aten.empty_like.default", "torch.ops.aten.from_file.default",
        "torch.ops.aten._local_scalar_dense.default", "torch.ops.prims.neg.default", "torch.ops.higher_order.cond",
        "torch.ops.aten.", "silu", "torch.ops.aten.silu.no_such_overload"}) {
    test::expect_says(calling(target), {"changed.pt2 models/model.json node 'silu'", target, "none of the operators"});
  }
  test::expect_says(calling("torch.ops.aten.silu_.default"),
                    {"silu_", "overwrites its argument", "run_decompositions"});
  test::expect_says(calling("torch.ops.aten.silu.out"), {"silu.out", "overwrites its argument"});
  test::expect_says(calling("torch.ops.aten.conv2d.default"), {"'input' is missing"});
}

TEST(Exported, RefusesGraphsThatAreNone) {
  using Json = nlohmann::json;
  const auto with_node = [](const char* target, auto change) {
    return said([&](ExportedFile& file) { change(file.node(target)); });
  };
  const char* const conv = "torch.ops.aten.conv2d.default";
  test::expect_says(with_node(conv,
                              [](Json& n) {
                                n["inputs"][0]["arg"] = {{"as_tensor", {{"name", "later"}}}};
                              }),
                    {"no value 'later' yet"});
  test::expect_says(with_node(conv, [](Json& n) { n["inputs"].push_back(n["inputs"][0]); }), {"given twice"});
  test::expect_says(with_node(conv, [](Json& n) { n["inputs"][0]["name"] = "nothing"; }), {"'input' is missing"});
  test::expect_says(with_node(conv,
                              [](Json& n) {
                                n["inputs"][0]["arg"] = {{"as_string", "text"}};
                              }),
                    {"'input'", "expected Tensor"});
  test::expect_says(with_node(conv,
                              [](Json& n) {
                                n["inputs"][0]["arg"] = {{"as_graph", Json::object()}};
                              }),
                    {"'as_graph' is not known"});
  test::expect_says(with_node(conv,
                              [](Json& n) {
                                n["outputs"].push_back({{"as_tensor", {{"name", "new"}}}});
                              }),
                    {"outputs are not those of"});
  test::expect_says(with_node(conv, [](Json& n) { n["outputs"][0]["as_tensor"]["name"] = "x"; }),
                    {"'x' is given twice"});
  test::expect_says(with_node("_operator.floordiv",
                              [](Json& n) {
                                n["inputs"][1]["arg"] = {{"as_int", 0}};
                              }),
                    {"_operator.floordiv", "no result"});
  test::expect_says(said([](ExportedFile& f) { f.program["schema_version"]["major"] = 9; }),
                    {"schema version 8", "got 9"});
  test::expect_says(said([](ExportedFile& f) { f.program["graph_module"]["signature"]["input_specs"].erase(0); }),
                    {"no value"});
}

TEST(Exported, RefusesATensorOfMoreElementsThanAnyNetworkHas) {
  const auto expand = [](std::int64_t count) {
    return said([&](ExportedFile& file) {
      auto& node = file.node("torch.ops.aten.silu.default");
      node["target"] = "torch.ops.aten.expand.default";
      nlohmann::json size = nlohmann::json::array();
      for (const std::int64_t side : {count, std::int64_t{1} << 20, std::int64_t{-1}, std::int64_t{-1}}) {
        size.push_back(side);
      }
      node["inputs"] = {{{"name", "self"}, {"arg", node["inputs"][0]["arg"]}},
                        {{"name", "size"}, {"arg", {{"as_ints", size}}}}};
    });
  };
  test::expect_says(expand(1 << 10), {"aten.expand", "elements, limit 16777216"});
}

TEST(Exported, RefusesANetworkInTrainingMode) {
  const std::string complaint = said([](ExportedFile& file) {
    auto& node = file.node("torch.ops.aten.silu.default");
    node["target"] = "torch.ops.aten.dropout.default";
    node["inputs"] = {{{"name", "input"}, {"arg", node["inputs"][0]["arg"]}},
                      {{"name", "p"}, {"arg", {{"as_float", 0.5}}}},
                      {{"name", "train"}, {"arg", {{"as_bool", true}}}}};
  });
  test::expect_says(complaint, {"training mode", "eval()"});
}

TEST(Exported, RefusesWeightsThatDoNotFitTheirBytes) {
  const auto with = [](auto change) {
    return said([&](ExportedFile& file) { change(file.weights["config"]["enter.weight"]); });
  };
  using Json = nlohmann::json;
  const auto set = [](Json& list, std::size_t at, std::int64_t value) { list[at]["as_int"] = value; };
  for (const std::int64_t value : {std::int64_t{9}, std::int64_t{1} << 40, INT64_MAX}) {
    test::expect_says(with([&](Json& w) { set(w["tensor_meta"]["sizes"], 0, value); }),
                      {"'enter.weight'", "do not fit"});
    test::expect_says(with([&](Json& w) { w["tensor_meta"]["storage_offset"]["as_int"] = value; }), {"do not fit"});
    test::expect_says(with([&](Json& w) { set(w["tensor_meta"]["strides"], 0, value); }),
                      {value == 9 ? "" : "do not fit"});
  }
  test::expect_says(with([&](Json& w) { set(w["tensor_meta"]["sizes"], 0, -1); }), {"none below 0"});
  test::expect_says(with([](Json& w) { w["use_pickle"] = true; }), {"pickled"});
  test::expect_says(with([](Json& w) { w["path_name"] = "weight_999"; }), {"no zip entry", "weight_999"});
  test::expect_says(with([](Json& w) { w["tensor_meta"]["dtype"] = 40; }), {"type 1..13"});
  test::expect_says(said([](ExportedFile& f) { f.weights["config"].erase("enter.weight"); }),
                    {"no weight 'enter.weight'"});
}

TEST(Exported, RefusesOtherArchives) {
  test::expect_says(said([](ExportedFile& f) { f.entries["data/aotinductor/model/a.so"] = "code"; }),
                    {"a.so", "machine code", "torch.export.save"});
  test::expect_says(said([](ExportedFile& f) { f.entries["models/other.json"] = "{}"; }),
                    {"expected one model", "'denoise'", "model, other"});
  test::expect_says(said([](ExportedFile& f) { f.entries["archive_format"] = "pt3"; }), {"expected pt2"});
  test::expect_says(said([](ExportedFile& f) { f.entries["byteorder"] = "big"; }), {"little-endian"});
  test::expect_says(said([](ExportedFile& f) { f.entries.erase("archive_format"); }), {"one NAME/archive_format"});
}

TEST(Exported, IsLoadedWhereTheCardSaysSo) {
  const fs::path folder = test::scratch_folder();
  fs::copy(test::exported_record(), folder, fs::copy_options::recursive);
  const auto load = [&](const std::string& card) {
    test::write_text(folder / "prior.yaml",
                     card + "\nprediction: epsilon\nschedule: vp_linear\nvalue_range: [-1, 1]\n");
    return test::complaint([&] {
      const PriorPtr prior = load_prior(folder.string());
      prior->denoise(at::zeros({1, prior->domain().channels, 8, 8}), prior->schedule().at(500));
    });
  };
  test::expect_says(load("architecture: adm\nweights: model.pt2"), {"model.pt2", "architecture: exported"});
  test::expect_says(load("architecture: exported"), {"weights: FILE"});
  test::expect_says(load("architecture: exported\nweights: golden_8x12.safetensors"), {"not a zip archive"});
  test::expect_says(load("architecture: {type: exported, in_channels: 3}\nweights: model.pt2"),
                    {"exported for 1 channels", "in_channels: 3"});
  test::expect_says(load("architecture: {type: exported, in_channels: 1}\nweights: model.pt2"),
                    {"gave [1, 2, 8, 8]", "expected float32 [1, 1, 8, 8]"});
  EXPECT_EQ(load("architecture: {type: exported, in_channels: 1, learn_sigma: true}\nweights: model.pt2"), "");
}

}  // namespace
}  // namespace recon
