// Damaged archives of torch.export give a network or one error: none ends the program, and none runs for ever.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <random>

#include "priors/networks/exported_network.h"
#include "tests/priors/exported_archives.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using test::ExportedFile;

/// Every value in a document, down to its leaves.
void collect(Json& json, std::vector<Json*>& all) {
  all.push_back(&json);
  if (json.is_structured()) {
    for (auto& inner : json) collect(inner, all);
  }
}

Json other_value(const Json& value, const std::vector<Json*>& all, std::mt19937& random) {
  static const std::array<std::int64_t, 14> numbers{
      0, 1, -1, 2, 3, 5, 7, 16, -8, 255, 1 << 20, std::int64_t{1} << 33, INT64_MAX, INT64_MIN};
  if (value.is_number_integer() && random() % 4 != 0) return numbers[random() % numbers.size()];
  if (value.is_number_float() && random() % 2 == 0) return random() % 2 == 0 ? 0.0 : -1e300;
  // A value of the same kind from elsewhere: the document stays well-formed.
  for (int tries = 0; tries < 200; ++tries) {
    const Json& candidate = *all[random() % all.size()];
    if (candidate.type() == value.type()) return candidate;
  }
  return nullptr;
}

/// Changes a few values of a well-formed document, which stays well-formed.
void mutate(Json& document, std::mt19937& random) {
  for (unsigned k = 0; k <= random() % 3; ++k) {
    std::vector<Json*> all;
    collect(document, all);
    Json& chosen = *all[random() % all.size()];
    const unsigned kind = random() % 8;
    if (kind == 0 && chosen.is_array() && !chosen.empty()) {
      chosen.erase(random() % chosen.size());
    } else if (kind == 1 && chosen.is_array() && !chosen.empty()) {
      chosen.push_back(Json(chosen[random() % chosen.size()]));
    } else if (kind == 2 && chosen.is_array() && !chosen.empty()) {
      std::swap(chosen[random() % chosen.size()], chosen[random() % chosen.size()]);
    } else if (kind == 3 && chosen.is_object() && !chosen.empty()) {
      chosen.erase(std::next(chosen.begin(), static_cast<std::ptrdiff_t>(random() % chosen.size())).key());
    } else {
      chosen = Json(other_value(chosen, all, random));
    }
  }
}

/// What is never read would take most of the changes.
void strip(ExportedFile& file) {
  for (auto& node : file.nodes()) node.erase("metadata");
  Json& graph = file.program["graph_module"];
  graph.erase("module_call_graph");
  graph.erase("metadata");
  graph["graph"].erase("sym_int_values");
  Json& tensors = graph["graph"]["tensor_values"];
  tensors = {{"x", tensors["x"]}, {"t", tensors["t"]}};
  file.program.erase("guards_code");
}

/// Which operators there are, for calls of other ones.
const std::vector<std::string>& targets() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const char* name : {"silu",
                             "relu",
                             "linear",
                             "conv2d",
                             "convolution",
                             "group_norm",
                             "instance_norm",
                             "layer_norm",
                             "batch_norm",
                             "softmax.int",
                             "matmul",
                             "bmm",
                             "cat",
                             "chunk",
                             "split.Tensor",
                             "slice.Tensor",
                             "select.int",
                             "view",
                             "reshape",
                             "permute",
                             "transpose.int",
                             "expand",
                             "repeat",
                             "pad",
                             "constant_pad_nd",
                             "reflection_pad2d",
                             "pixel_shuffle",
                             "pixel_unshuffle",
                             "upsample_nearest2d.vec",
                             "upsample_bilinear2d.vec",
                             "avg_pool2d",
                             "max_pool2d",
                             "im2col",
                             "index.Tensor",
                             "gather",
                             "embedding",
                             "roll",
                             "mean.dim",
                             "var.correction",
                             "sum.dim_IntList",
                             "full",
                             "arange.start_step",
                             "zeros",
                             "to.dtype",
                             "where.self",
                             "div.Tensor_mode",
                             "remainder.Tensor",
                             "pow.Scalar",
                             "scaled_dot_product_attention",
                             "_fft_r2c",
                             "fft_rfft2",
                             "unfold",
                             "tril",
                             "einsum",
                             "grid_sampler_2d"}) {
      const std::string text(name);
      names.push_back("torch.ops.aten." + text + (text.find('.') == std::string::npos ? ".default" : ""));
    }
    return names;
  }();
  return all;
}

/// What loading these bytes, and computing forward and back, says; empty when all is well.
std::string complaint_of(const std::string& bytes) {
  const fs::path path = fs::temp_directory_path() / "mutated.pt2";
  std::ofstream(path, std::ios::binary) << bytes;
  const std::string said = test::complaint([&] {
    const auto network = load_exported(path, {.in_channels = 1, .size_multiple = 2, .learn_sigma = true});
    const at::Tensor x = at::ones({2, 1, 8, 12}).requires_grad_(true);
    const at::Tensor out = network->forward(x, at::full({2}, 600.0));
    if (out.requires_grad()) torch::autograd::grad({out}, {x}, {at::ones_like(out)});
  });
  EXPECT_TRUE(said.empty() || said.find("mutated.pt2") != std::string::npos) << said;
  return said;
}

struct Outcomes {
  int refused = 0, works = 0;
};

Outcomes outcomes_of(int rounds, unsigned seed) {
  std::mt19937 random(seed);
  struct Original {
    ExportedFile file;
    std::string bytes;
  };
  std::vector<Original> originals;
  for (const char* record : {"small", "norms"}) {
    ExportedFile file(record);
    const std::string bytes = file.bytes();
    strip(file);
    EXPECT_EQ(complaint_of(file.bytes()), "");
    originals.push_back({.file = file, .bytes = bytes});
  }
  Outcomes outcomes;
  for (int round = 0; round < rounds; ++round) {
    const auto& [original, whole] = originals[static_cast<std::size_t>(round / 8) % originals.size()];
    ExportedFile file = original;
    std::string bytes;
    switch (round % 8) {
      case 0:  // of the archive itself
        bytes = whole;
        for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
        break;
      case 1:
        bytes = whole.substr(0, random() % whole.size());
        break;
      case 2:
        mutate(file.weights, random);
        break;
      case 3:  // another operator with the arguments that it takes
        file.nodes()[random() % file.nodes().size()]["target"] = targets()[random() % targets().size()];
        break;
      default:
        mutate(file.program, random);
    }
    if (bytes.empty()) bytes = file.bytes();
    ++(complaint_of(bytes).empty() ? outcomes.works : outcomes.refused);
  }
  return outcomes;
}

TEST(ExportedMutation, GivesANetworkOrOneError) {
  const Outcomes outcomes = outcomes_of(400, 1);
  EXPECT_GT(outcomes.refused, 200);
  EXPECT_GT(outcomes.works, 10);
}

TEST(SlowExportedMutation, TwentyThousandGiveANetworkOrOneError) {
  const Outcomes outcomes = outcomes_of(20'000, 2);
  fmt::print("{} mutated archives refused, {} work\n", outcomes.refused, outcomes.works);
  EXPECT_GT(outcomes.refused, 10'000);
  EXPECT_GT(outcomes.works, 500);
}

}  // namespace
}  // namespace recon
