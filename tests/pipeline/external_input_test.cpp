// The `input` section for files that recon did not write: what reaches the solvers, in which units, and what is said
// when the mapping is wrong.
#include <ATen/ATen.h>

#include <cmath>

#include "data/fastmri_file.h"
#include "data/fits_file.h"
#include "data/image_io.h"
#include "data/npy_file.h"
#include "recon/config/config.h"
#include "recon/config/option_lister.h"
#include "recon/pipeline/inspect/external_inspection.h"
#include "recon/pipeline/items/opened_input.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

const fs::path external = test::source_path("tests/golden/external");

YamlNodePtr input_of(const std::string& yaml, const fs::path& folder = external) {
  return Config::from_text("input: " + yaml + "\n", "batch.yaml", folder).root()->find("input")->value;
}

std::vector<OpenedInput> open(const std::string& yaml, const ItemOptions& options = {}) {
  return open_inputs(read_input_plan(input_of(yaml)), options);
}

PreparedItem first_item(const std::string& yaml, const ItemOptions& options = {}) {
  return open(yaml, options).at(0).source.prepare(0, c10::kCPU);
}

ItemOptions known_noise(double std) {
  ItemOptions options;
  options.noise_std = std;
  return options;
}

using Ids = std::vector<std::string>;

TEST(ExternalInputs, ADatasetIsMeasuredByTheOperatorOfTheConfig) {
  auto inputs = open(
      "{files: uint16.h5, format: dataset, dataset: scans/ct, slices: \"1:3\", operator: {type: identity}, "
      "noise: {type: gaussian, std: 0.01}}");
  ASSERT_EQ(inputs.size(), 1U);
  EXPECT_EQ(inputs[0].source.ids(), (Ids{"1", "2"}));
  const PreparedItem item = inputs[0].source.prepare(1, c10::kCPU);
  EXPECT_EQ(item.id, "2");
  const at::Tensor steps = at::arange(60, 90, at::kDouble).reshape({1, 1, 6, 5}) * 500;
  EXPECT_TRUE(item.y.equal((steps * (1 / 65535.0)).to(at::kFloat)));
  EXPECT_EQ(item.noise.std, 0.01);
  EXPECT_EQ(item.op->range(), (TensorSpec{{1, 6, 5}, ScalarKind::real}));
}

TEST(ExternalInputs, SlicesAreCountedAsNumpyDoes) {
  const auto ids = [](const std::string& slices) {
    const std::string quoted = nlohmann::json(slices).dump();
    return open("{files: uint16.h5, format: dataset, dataset: scans/ct, operator: {type: identity}, slices: " + quoted +
                    "}",
                known_noise(0.1))
        .at(0)
        .source.ids();
  };
  EXPECT_EQ(ids(""), (Ids{"0", "1", "2", "3"}));
  EXPECT_EQ(ids(":2"), (Ids{"0", "1"}));
  EXPECT_EQ(ids("-3:"), (Ids{"1", "2", "3"}));
  EXPECT_EQ(ids("1:-1"), (Ids{"1", "2"}));
  EXPECT_EQ(ids("2:100"), (Ids{"2", "3"}));
}

TEST(ExternalInputs, ScaleAutoMakesTheBrightestPointOneAndTakesTheNoiseAlong) {
  const std::string mapping =
      "{files: complex.h5, format: dataset, dataset: trailing, axes: [item, y, x, complex], scale: SCALE, "
      "operator: {type: fourier, pattern: full}, noise: {type: gaussian, std: 0.25}}";
  const auto with_scale = [&](const std::string& scale) {
    std::string text = mapping;
    return text.replace(text.find("SCALE"), 5, scale);
  };
  auto automatic = open(with_scale("auto"));
  const PreparedItem middle = automatic[0].source.prepare(1, c10::kCPU);
  const at::Tensor image = as_linear(middle.op, "test")->adjoint(middle.y);
  EXPECT_NEAR(image.abs().max().item<double>(), 1, 1e-6);  // single precision of y and of the transform
  const PreparedItem plain = open(with_scale("1"))[0].source.prepare(1, c10::kCPU);
  const double factor = (middle.y.abs().max() / plain.y.abs().max()).item<double>();
  EXPECT_NEAR(middle.noise.std, 0.25 * factor, 1e-6 * factor);
  // A level given beside `input` is in the units of the file, too.
  const PreparedItem stated = first_item(with_scale("auto"), known_noise(0.5));
  EXPECT_NEAR(stated.noise.std, 0.5 * factor, 1e-6 * factor);
  EXPECT_NE(automatic[0].source.header().provenance.find("scaled by"), std::string::npos);
}

// (number - offset) scale of the numbers as they are stored, whatever a format makes of them by itself.
TEST(ExternalInputs, OffsetAndScaleAreOfTheStoredNumbersInEveryFormat) {
  const fs::path folder = fs::temp_directory_path();
  const at::Tensor counts = (at::arange(12, at::kFloat) * 300 + 100).view({1, 3, 4});
  write_png((folder / "counts.png").string(), counts, {0, 65535}, 16);
  write_tiff((folder / "counts.tiff").string(), counts);
  write_npy((folder / "counts.npy").string(), counts);
  write_fits((folder / "counts.fits").string(), counts[0]);
  for (const std::string file : {"counts.png, format: picture", "counts.tiff, format: picture",
                                 "counts.npy, format: npy", "counts.fits, format: fits"}) {
    const auto node = input_of(
        "{files: " + file + ", offset: 100, scale: 0.005, operator: {type: identity}, " + "noise: {type: none}}",
        folder);
    const at::Tensor y = open_inputs(read_input_plan(node), {})[0].source.prepare(0, c10::kCPU).y;
    EXPECT_TRUE(at::allclose(y[0], (counts - 100) * 0.005, 1e-5, 1e-6)) << file << y;
  }
  const auto complex = input_of("{files: fastmri_full.h5, format: fastmri, offset: 1, noise: {type: none}}");
  try {
    open_inputs(read_input_plan(complex), {});
    FAIL() << "complex numbers have no offset";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    test::expect_says(error.what(), {"offset", "complex"});
  }
}

TEST(ExternalInputs, AMaskOfTheFileItselfServesItsOperatorAndDataBeyondItAreDropped) {
  const fs::path folder = test::scratch_folder();
  auto file = hdf5::File::create((folder / "own.h5").string());
  file.write("y", at::ones({2, 4, 3}, at::kComplexFloat));
  at::Tensor mask = at::zeros({4, 3});
  mask.select(1, 1).fill_(1);
  file.create_group("sampling").write("mask", mask);
  file.close();
  const auto node = input_of(
      "{files: own.h5, format: dataset, dataset: y, operator: {type: fourier, mask: {dataset: sampling/mask}}, "
      "noise: {type: none}}",
      folder);
  auto inputs = open_inputs(read_input_plan(node), {});
  const PreparedItem item = inputs[0].source.prepare(0, c10::kCPU);
  EXPECT_TRUE(at::real(item.y[0][0]).equal(mask));
  EXPECT_EQ(item.op->measured_components(), 8);
  fs::remove_all(folder);
}

TEST(ExternalInputs, AFastMriVolumeComesInUnitsOfItsBrightestPoint) {
  auto inputs = open("{files: fastmri_full.h5, format: fastmri}", known_noise(1e-6));
  double brightest = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    const PreparedItem item = inputs[0].source.prepare(i, c10::kCPU);
    const at::Tensor image = as_linear(item.op, "test")->adjoint(item.y).abs();
    // Fully sampled: the adjoint is the image, up to the single precision of the file and of the transforms.
    EXPECT_LT((image - item.ground_truth).abs().max().item<double>(), 1e-5);
    brightest = std::max(brightest, item.ground_truth.max().item<double>());
  }
  EXPECT_NEAR(brightest, 1, 1e-6);
  const PreparedItem raw = first_item("{files: fastmri_full.h5, format: fastmri, scale: 1}", known_noise(1e-6));
  EXPECT_EQ(raw.noise.std, 1e-6);
  EXPECT_TRUE(raw.y[0].equal(FastMriFile::open((external / "fastmri_full.h5").string()).item(0)));
}

TEST(ExternalInputs, ARecognisedFileNeedsNoFormat) {
  const PreparedItem named = first_item("{files: fastmri_full.h5, format: fastmri}", known_noise(1e-6));
  for (const char* input : {"fastmri_full.h5", "[fastmri_full.h5]", "{files: fastmri_full.h5}"}) {
    const PreparedItem found = first_item(input, known_noise(1e-6));
    EXPECT_TRUE(found.y.equal(named.y)) << input;
    EXPECT_TRUE(found.ground_truth.equal(named.ground_truth)) << input;
  }
  EXPECT_EQ(recognised_format((external / "uint16.h5").string()), nullptr) << "a dataset has to be described";
  EXPECT_EQ(recognised_format(test::source_path("data/samples/photograph_blur.h5")), nullptr) << "recon's own";
  EXPECT_EQ(recognised_format((external / "none.h5").string()), nullptr);
  EXPECT_THROW(first_item("{files: fastmri_full.h5, format: measurement}", known_noise(1e-6)), Error);
}

/// A format whose files state everything, as a plug-in adds it.
TEST(ExternalInputs, AFormatOfOnesOwnMayStateOperatorNoiseAndTruth) {
  const fs::path folder = test::scratch_folder();
  test::write_text(folder / "frame.counts", "counts");
  InputFormat format = InputFormat::of<NoOptions>({.name = "counts", .summary = "a test"}, [](NoOptions, auto&) {
    const auto of = [](double value) {
      return [value](std::int64_t) { return at::full({1, 4, 4}, value, at::kFloat); };
    };
    return ExternalFile{.measurement = {{1, 4, 4}, ScalarKind::real},
                        .y = of(3),
                        .truth = of(2),
                        .operator_config = "type: identity\n",
                        .noise = Noise{.type = NoiseType::poisson_gaussian, .std = {0.5}, .peak = 10}};
  });
  format.recognises = [](const std::string& path) { return path.ends_with(".counts"); };
  format.states_operator = true;
  mutable_input_formats().add(format);
  auto stated = open_inputs(read_input_plan(input_of("frame.counts", folder)), {});
  EXPECT_EQ(stated[0].source.header().noise, (Noise{.type = NoiseType::poisson_gaussian, .std = {0.5}, .peak = 10}));
  const PreparedItem item = stated[0].source.prepare(0, c10::kCPU);
  EXPECT_EQ(item.y.max().item<double>(), 3);
  EXPECT_EQ(item.ground_truth.max().item<double>(), 2);
  EXPECT_NEAR(item.noise.std, std::sqrt(0.5 * 0.5 + 3.0 / 10), 1e-6) << "read noise and photons";
  // Halved: so are the truth and the read noise, and twice as many photons make an intensity of 1.
  auto inputs = open_inputs(read_input_plan(input_of("{files: frame.counts, format: counts, scale: 0.5}", folder)), {});
  EXPECT_EQ(inputs[0].source.header().noise, (Noise{.type = NoiseType::poisson_gaussian, .std = {0.25}, .peak = 20}));
  const PreparedItem half = inputs[0].source.prepare(0, c10::kCPU);
  EXPECT_EQ(half.y.max().item<double>(), 1.5);
  EXPECT_EQ(half.ground_truth.max().item<double>(), 1);
  const auto found = inspect_external((folder / "frame.counts").string()).found;
  EXPECT_EQ(found["format"], "counts");
  EXPECT_EQ(found["noise"], "poisson_gaussian");
  fs::remove_all(folder);
}

TEST(ExternalInputs, AFullySampledVolumeMayBeUndersampledByTheConfigAndAnUndersampledOneMayNot) {
  const std::string op = "operator: {type: fourier, acceleration: 2, center_lines: 2}";
  const PreparedItem item = first_item("{files: fastmri_full.h5, format: fastmri, " + op + "}", known_noise(1e-6));
  const at::Tensor support = item.op->support();
  ASSERT_TRUE(support.defined());
  EXPECT_EQ(item.y.abs().mul(1 - support).max().item<double>(), 0);
  EXPECT_GT(item.y.abs().mul(support).max().item<double>(), 0);
  EXPECT_TRUE(item.ground_truth.defined());
  try {
    open("{files: fastmri_masked.h5, format: fastmri, " + op + "}", known_noise(1e-6));
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    test::expect_says(error.what(), {"batch.yaml:1", "fastmri_masked.h5", "its own mask", "leave `operator` out"});
  }
  const PreparedItem masked = first_item("{files: fastmri_masked.h5, format: fastmri}", known_noise(1e-6));
  EXPECT_EQ(masked.op->measured_components(), 2 * 8 * 5);
}

TEST(ExternalInputs, ImagesAreMeasuredOneByOneAsSimulateDoes) {
  const std::string section =
      "{images: [" + test::source_path() + "/data/samples/photograph.png, " + test::source_path() +
      "/data/samples/photograph.png], crop: [0, 0, 16, 16], seed: 3, operator: {type: blur, std_px: 1}, "
      "noise: {type: gaussian, std: 0.1}}";
  auto inputs = open("{simulate: " + section + "}");
  EXPECT_EQ(inputs[0].source.ids(), (Ids{"photograph", "photograph_2"}));
  nlohmann::ordered_json resolved;
  const auto plan = read_simulation_section(input_of(section), "simulate", resolved);
  const MeasurementSet set = simulate(plan, {});
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(inputs[0].source.prepare(i, c10::kCPU).y.equal(set.y.narrow(0, i, 1))) << i;
  }
  EXPECT_FALSE(set.y[0].equal(set.y[1]));  // the noise differs
  std::string other = section;
  other.replace(other.find("seed: 3"), 7, "seed: 4");
  EXPECT_NE(inputs[0].hash, open("{simulate: " + other + "}").at(0).hash);
}

TEST(ExternalInputs, WrongSectionsAreRefusedWithTheirPlace) {
  const auto refused = [](const std::string& yaml, const std::vector<std::string>& words, const ItemOptions& options) {
    try {
      open(yaml, options);
      ADD_FAILURE() << "accepted: " << yaml;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
      test::expect_says(error.what(), words);
      test::expect_says(error.what(), {"batch.yaml:1"});
    }
  };
  const ItemOptions known = known_noise(0.1);
  const std::string ct = "files: uint16.h5, format: dataset, dataset: scans/ct, ";
  refused("{" + ct + "operator: {type: identity}}", {"how noisy", "estimate_noise"}, {});
  refused("fastmri_full.h5", {"how noisy", "estimate_noise"}, {});
  refused("{files: uint16.h5, format: dataset, operator: {type: identity}}", {"`dataset` is missing"}, known);
  refused("{files: uint16.h5, format: dataset, dataset: scans/ct}", {"`operator` is missing"}, known);
  refused("{" + ct + "operator: {type: super_resolution, factor: 2}, image_shape: [1, 6, 4]}",
          {"gives", "[1, 6, 5]", "uint16.h5"}, known);
  refused("{" + ct + "operator: {type: identity}, slices: \"7:9\"}", {"7:9", "none of the 4 items"}, known);
  refused("{" + ct + "operator: {type: identity}, slices: \"7\"}", {"FIRST:END"}, known);
  refused("{" + ct + "operator: {type: identity}, scale: dark}", {"auto", "dark"}, known);
  refused("{" + ct + "operator: {type: identity}, crop: [4, 4]}", {"format: fastmri"}, known);
  refused("{" + ct + "operator: {type: identity}, image_range: [1, 0]}", {"low < high"}, known);
  refused("{" + ct + "operator: {type: identity}, axis: [y, x]}", {"axis", "axes"}, known);
  refused("{files: uint16.h5, dataset: scans/ct}", {"format: dataset"}, known);
  refused("{files: uint16.h5, noise: {type: none}}", {"a measurement file says this itself"}, known);
  refused("{format: fastmri}", {"`files`", "simulate"}, known);
}

TEST(ExternalInputs, TheResolvedSectionReadsAgainAsTheSame) {
  for (const std::string section :
       {"{files: uint16.h5}", "{files: fastmri_full.h5, format: fastmri, crop: [8, 0], slices: \"1:\"}",
        "{files: uint16.h5, format: dataset, dataset: scans/ct, scale: 0.5, offset: 3, operator: {type: blur, std_px: "
        "2}, "
        "noise: {type: gaussian, std: 0.1}}"}) {
    const InputPlan plan = read_input_plan(input_of(section));
    const InputPlan again = read_input_plan(parse_yaml(to_yaml(plan.resolved), {.name = "stored", .folder = external}));
    EXPECT_EQ(again.resolved, plan.resolved) << section;
    EXPECT_EQ(plan.resolved.contains("operator"), plan.op != nullptr) << section;
  }
}

TEST(ExternalInputs, InspectProposesAConfigThatReadsTheFile) {
  for (const std::string name : {"uint16.h5", "float32.h5", "complex.h5", "fastmri_full.h5", "fastmri_masked.h5"}) {
    const Inspection inspection = inspect_external((external / name).string());
    ASSERT_TRUE(inspection.found.contains("config")) << name;
    const auto config = Config::from_text(inspection.found["config"].get<std::string>(), name);
    // The files are too small to estimate it.
    auto inputs = open_inputs(read_input_plan(config.root()->find("input")->value), known_noise(0.1));
    EXPECT_TRUE(inputs.at(0).source.prepare(0, c10::kCPU).y.defined()) << name;
  }
  const auto datasets = inspect_external((external / "float32.h5").string()).found["datasets"];
  EXPECT_EQ(datasets["shuffled"], "32-bit float [3, 2, 8, 5], shuffle, lzf, fletcher32");
  EXPECT_EQ(datasets["signed"], "16-bit integer [3, 8, 5]");
}

}  // namespace
}  // namespace recon
