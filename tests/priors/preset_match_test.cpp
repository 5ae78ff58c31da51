// Cards of published models, on files with the names and shapes of their tensors and no numbers: holes in the disk.
#include "priors/checkpoints/preset_match.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "priors/checkpoints/presets.h"
#include "priors/checkpoints/prior_card.h"
#include "priors/load_prior.h"
#include "recon/core/error.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

/// What a network asks for.
class Names final : public ParameterSource {
 public:
  at::Tensor get(const std::string& name, const Shape& shape) override {
    shapes[name] = shape;
    return at::zeros({1}).expand(shape);
  }
  std::map<std::string, Shape> shapes;
};

std::map<std::string, Shape> tensors_of(const NetworkConfig& config) {
  Names names;
  config.build(names);
  return names.shapes;
}

/// A safetensors file whose numbers are a hole: it takes a few kilobytes.
void write_hole(const fs::path& path, const std::map<std::string, Shape>& tensors, const std::string& prefix = "") {
  nlohmann::json header;
  std::uint64_t at = 0;
  for (const auto& [name, shape] : tensors) {
    const auto bytes = static_cast<std::uint64_t>(4 * TensorSpec{shape}.numel());
    header[prefix + name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(&length), sizeof length) << text;
  ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(sizeof length + length + at)), 0);
}

std::vector<std::string> presets_of(const fs::path& path) {
  std::vector<std::string> names;
  for (const PresetMatch& match : matching_presets(path)) names.push_back(match.preset);
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

TEST(Presets, FitTheirOwnTensorsAndNoOthers) {
  const fs::path folder = test::scratch_folder();
  const std::set<std::set<std::string>> alike = {
      {"inversebench_fwi", "inversebench_scattering", "inversebench_navier_stokes"},
      {"score_mri_knee_320", "diffusion_mbir_aapm_256"}};
  for (const std::string& preset : preset_names()) {
    const PriorCard card = preset_prior_card(preset);
    ASSERT_TRUE(card.prediction && card.schedule && card.value_range) << preset;
    const fs::path file = folder / (preset + ".safetensors");
    write_hole(file, tensors_of(*card.network.config), card.selection.prefix);
    const std::vector<std::string> found = presets_of(file);
    EXPECT_TRUE(has(found, preset)) << preset;
    for (const std::string& other : found) {
      const bool twin = std::any_of(alike.begin(), alike.end(),
                                    [&](const auto& group) { return group.contains(preset) && group.contains(other); });
      EXPECT_TRUE(other == preset || twin) << preset << " taken for " << other;
    }
    fs::remove(file);
  }
}

// The card that is proposed reads the file.
TEST(Presets, TheProposedCardReadsTheFile) {
  for (const std::string preset :
       {"inversebench_blackhole", "drunet_gray", "edm_cifar10_classes", "score_sde_faces_256", "denoising_diffusion"}) {
    const fs::path folder = test::scratch_folder();
    const auto tensors = tensors_of(*preset_prior_card(preset).network.config);
    write_hole(folder / "model.safetensors", tensors);
    const auto matches = matching_presets(folder / "model.safetensors");
    ASSERT_EQ(matches.size(), 1U) << preset;
    test::write_text(folder / "prior.yaml", matches.front().card);
    std::int64_t count = 0;
    for (const auto& [name, shape] : tensors) count += TensorSpec{shape}.numel();
    EXPECT_EQ(inspect_prior(folder.string()).parameters, count) << preset;
    fs::remove_all(folder);
  }
}

TEST(Presets, OneTensorMoreOrOfAnotherShapeFitsNone) {
  const fs::path folder = test::scratch_folder();
  auto tensors = tensors_of(*preset_prior_card("ffdnet_gray").network.config);
  write_hole(folder / "a.safetensors", tensors);
  EXPECT_EQ(presets_of(folder / "a.safetensors"), std::vector<std::string>{"ffdnet_gray"});
  tensors["more"] = {3};
  write_hole(folder / "b.safetensors", tensors);
  EXPECT_TRUE(presets_of(folder / "b.safetensors").empty());
  tensors.erase("more");
  tensors.begin()->second.push_back(1);
  write_hole(folder / "c.safetensors", tensors);
  EXPECT_TRUE(presets_of(folder / "c.safetensors").empty());
  fs::remove_all(folder);
}

/// How many numbers tensors have, and the FNV-1a hash of the lines "NAME SHAPE" that the makers of the records compute.
std::pair<std::int64_t, std::string> count_and_hash(const std::map<std::string, Shape>& tensors) {
  std::int64_t count = 0;
  std::uint64_t fnv = 0xcbf29ce484222325;
  for (const auto& [tensor, shape] : tensors) {
    count += TensorSpec{shape}.numel();
    for (const char c : fmt::format("{} [{}]\n", tensor, fmt::join(shape, ", "))) {
      fnv = (fnv ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
  }
  return {count, fmt::format("{:016x}", fnv)};
}

nlohmann::json shapes_of(const std::string& record) {
  return nlohmann::json::parse(std::ifstream(test::source_path("tests/golden/cards/" + record)));
}

// The networks of DM4CT and of google/ddpm-* and ncsnpp-* are those of diffusers, tensor by tensor: the names and
// shapes that its own classes have (tests/golden/cards/make_diffusers_shapes.py). Their folders need no card.
TEST(Presets, FoldersOfDiffusersHaveTheTensorsOfItsClasses) {
  const nlohmann::json golden = shapes_of("diffusers_shapes.json");
  EXPECT_EQ(golden.size(), 4U);
  for (const auto& [name, model] : golden.items()) {
    const auto config = network_kinds().find("unet2d", name).read_json(model["config"], name);
    const auto [count, hash] = count_and_hash(tensors_of(*config));
    EXPECT_EQ(count, model["parameters"].get<std::int64_t>()) << name;
    EXPECT_EQ(hash, model["hash"].get<std::string>()) << name;
  }
}

// The same of networks whose options stand in cards, at the sizes that are published (make_network_shapes.py).
TEST(Presets, NetworksOfOtherProjectsHaveTheTensorsOfTheirClasses) {
  const nlohmann::json golden = shapes_of("network_shapes.json");
  EXPECT_EQ(golden.size(), 6U);
  const fs::path path = test::scratch_folder() / "prior.yaml";
  for (const auto& [name, model] : golden.items()) {
    test::write_text(path, "architecture: " + model["architecture"].dump() + "\n");
    const auto [count, hash] = count_and_hash(tensors_of(*read_prior_card(path).network.config));
    EXPECT_EQ(count, model["parameters"].get<std::int64_t>()) << name;
    EXPECT_EQ(hash, model["hash"].get<std::string>()) << name;
  }
  EXPECT_EQ(count_and_hash(tensors_of(*preset_prior_card("denoising_diffusion").network.config)).second,
            golden["denoising_diffusion"]["hash"].get<std::string>());
}

}  // namespace
}  // namespace recon
