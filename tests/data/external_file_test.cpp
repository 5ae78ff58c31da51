// Files that recon did not write: every layout, type and compression of tests/golden/external, against the formulas of
// its generator; fastMRI volumes against numpy's transforms.
#include "data/external_dataset.h"
#include "data/fastmri_file.h"
#include "tests/data/data_support.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

using namespace testing_data;

const std::string external = test::source_path("tests/golden/external/");

ExternalDataset open(const std::string& file, const ExternalLayout& layout) {
  return {hdf5::File::open(external + file), layout};
}

at::Tensor ramp(const Shape& shape) {
  std::int64_t count = 1;
  for (const auto extent : shape) count *= extent;
  return at::arange(count, at::kFloat).reshape(shape);
}

at::Tensor all_items(const ExternalDataset& dataset) {
  std::vector<at::Tensor> items;
  for (std::int64_t i = 0; i < dataset.count(); ++i) items.push_back(dataset.item(i));
  return at::stack(items);
}

TEST(ExternalDatasets, UnsignedIntegersInGzippedShuffledChunksAreDividedByFullScale) {
  const auto dataset = open("uint16.h5", {.dataset = "/scans/ct"});
  EXPECT_EQ(dataset.count(), 4);
  EXPECT_EQ(dataset.spec(), (TensorSpec{{1, 6, 5}, ScalarKind::real}));
  const at::Tensor steps = ramp({4, 1, 6, 5}).to(at::kDouble) * 500;
  EXPECT_TRUE(same_bits(all_items(dataset), (steps * (1 / 65535.0)).to(at::kFloat)));
  const auto scaled = open("uint16.h5", {.dataset = "scans/ct", .axes = {}, .offset = 1024, .scale = 0.5});
  EXPECT_TRUE(same_bits(all_items(scaled), ((steps - 1024) * 0.5).to(at::kFloat)));
}

TEST(ExternalDatasets, LzfIsReadWithAndWithoutShuffleAndChunksThatOverhang) {
  const at::Tensor expected = ramp({3, 2, 1, 5}).repeat_interleave(8, 2);
  for (const std::string name : {"images", "shuffled"}) {
    const auto dataset = open("float32.h5", {.dataset = name});
    EXPECT_EQ(dataset.spec(), (TensorSpec{{2, 8, 5}, ScalarKind::real}));
    EXPECT_TRUE(same_bits(all_items(dataset), expected)) << name;
    EXPECT_EQ(hdf5::File::open(external + "float32.h5").dataset(name).filters(),
              (name == "images" ? std::vector<std::string>{"lzf"}
                                : std::vector<std::string>{"shuffle", "lzf", "fletcher32"}));
  }
}

TEST(ExternalDatasets, AxesMayComeInAnyOrder) {
  const auto colour = open("float32.h5", {.dataset = "channels_last", .axes = {"item", "y", "x", "channel"}});
  EXPECT_EQ(colour.spec(), (TensorSpec{{3, 8, 5}, ScalarKind::real}));
  const at::Tensor stored = ramp({2, 8, 5, 3}).to(at::kDouble) * (1 / 255.0);
  EXPECT_TRUE(same_bits(all_items(colour), stored.permute({0, 3, 1, 2}).to(at::kFloat).contiguous()));
  const auto turned = open("uint16.h5", {.dataset = "scans/ct", .axes = {"x", "item", "y"}, .scale = 1.0});
  EXPECT_EQ(turned.count(), 6);
  EXPECT_TRUE(same_bits(turned.item(2)[0], (ramp({4, 6, 5}) * 500).select(1, 2).t().contiguous()));
  const auto single = open("uint16.h5", {.dataset = "scans/ct", .axes = {"channel", "y", "x"}, .scale = 1.0});
  EXPECT_EQ(single.count(), 1);
  EXPECT_EQ(single.spec().shape, (Shape{4, 6, 5}));
}

TEST(ExternalDatasets, EveryComplexConventionGivesTheSameNumbers) {
  const at::Tensor real = ramp({2, 1, 4, 3}), expected = at::complex(real, 0 - 0.5 * real);
  const std::vector<std::pair<std::string, std::vector<std::string>>> conventions = {
      {"h5py", {}},
      {"real_imag", {}},
      {"re_im", {}},
      {"trailing", {"item", "y", "x", "complex"}},
      {"leading", {"complex", "item", "y", "x"}},
      {"items_last", {"y", "x", "item", "complex"}}};
  for (const auto& [name, axes] : conventions) {
    const auto dataset = open("complex.h5", {.dataset = name, .axes = axes});
    EXPECT_EQ(dataset.spec(), (TensorSpec{{1, 4, 3}, ScalarKind::complex})) << name;
    EXPECT_TRUE(same_bits(all_items(dataset), expected)) << name;
  }
}

TEST(ExternalDatasets, WrongMappingsAreRefusedWithFileAndDataset) {
  const auto refused = [](const std::string& file, const ExternalLayout& layout, std::vector<std::string> words) {
    words.push_back(external + file + ":/" + layout.dataset);
    expect_error(ErrorKind::data, words, [&] { open(file, layout).item(0); });
  };
  refused("uint16.h5", {.dataset = "scans/mri"}, {"there is none"});
  refused("uint16.h5", {.dataset = "scans"}, {"expected a dataset"});
  refused("uint16.h5", {.dataset = "scans/voltage"}, {"[item, y, x]", "axes"});
  refused("uint16.h5", {.dataset = "scans/ct", .axes = {"item", "y"}}, {"[4, 6, 5]", "y and x"});
  refused("uint16.h5", {.dataset = "scans/ct", .axes = {"item", "y", "z"}}, {"channel", "z"});
  refused("uint16.h5", {.dataset = "scans/ct", .axes = {"item", "y", "x", "x"}}, {"different"});
  refused("float32.h5", {.dataset = "signed"}, {"16-bit integer", "scale"});
  refused("complex.h5", {.dataset = "h5py", .axes = {"complex", "y", "x"}}, {"two entries"});
  refused("complex.h5", {.dataset = "trailing", .axes = {"item", "complex", "y", "x"}}, {"two entries"});
  const auto dataset = open("uint16.h5", {.dataset = "scans/ct"});
  expect_error(ErrorKind::data, {"scans/ct", "[4, 0, 0]"}, [&] { dataset.item(4); });
}

at::Tensor expected_kspace(const std::string& name, std::int64_t slice) {
  return hdf5::File::open(external + "fastmri_expected.h5").dataset(name).read_item(slice);
}

/// Single precision of the file and of the result: a few roundings of the largest entry.
void expect_near(const at::Tensor& got, const at::Tensor& expected) {
  EXPECT_LT((got - expected).abs().max().item<double>(), 1e-6 * expected.abs().max().item<double>());
}

TEST(FastMriVolume, AFullySampledVolumeIsCutToItsReconstruction) {
  const auto file = FastMriFile::open(external + "fastmri_full.h5");
  EXPECT_EQ(file.count(), 3);
  EXPECT_EQ(file.measurement(), (TensorSpec{{1, 8, 6}, ScalarKind::complex}));
  EXPECT_EQ(file.mask().sum().item<double>(), 48);
  ASSERT_TRUE(file.has_ground_truth());
  double brightest = 0;
  for (std::int64_t slice = 0; slice < 3; ++slice) {
    expect_near(file.item(slice)[0].to(at::kComplexDouble), expected_kspace("full", slice));
    // The image of the cut k-space is the reconstruction that the file holds.
    const std::vector<std::int64_t> axes{-2, -1};
    const at::Tensor y = at::fft_ifftshift(file.item(slice).to(at::kComplexDouble), axes);
    const at::Tensor image = at::fft_fftshift(at::fft_ifft2(y, {}, {-2, -1}, "ortho"), axes).abs();
    expect_near(image, file.ground_truth(slice).to(at::kDouble));
    brightest = std::max(brightest, file.ground_truth(slice).max().item<double>());
  }
  EXPECT_EQ(file.brightest(), brightest);
}

TEST(FastMriVolume, AnUndersampledVolumeIsCutAlongTheReadoutOnly) {
  const auto file = FastMriFile::open(external + "fastmri_masked.h5");
  EXPECT_EQ(file.measurement(), (TensorSpec{{1, 8, 11}, ScalarKind::complex}));
  EXPECT_FALSE(file.has_ground_truth());
  EXPECT_TRUE(same_bits(file.mask(), at::arange(11, at::kFloat).remainder(2).expand({8, 11}).contiguous()));
  expect_near(file.item(1)[0].to(at::kComplexDouble), expected_kspace("masked", 1));
  const auto whole = FastMriFile::open(external + "fastmri_masked.h5", Shape{0, 0});
  EXPECT_EQ(whole.measurement().shape, (Shape{1, 16, 11}));
}

TEST(FastMriVolume, SeveralCoilsAreRefusedNamingWhatToDo) {
  expect_error(ErrorKind::data, {"fastmri_multicoil.h5:/kspace", "2 coils", "sense"},
               [] { FastMriFile::open(external + "fastmri_multicoil.h5"); });
  expect_error(ErrorKind::data, {"uint16.h5", "kspace", "there is none"},
               [] { FastMriFile::open(external + "uint16.h5"); });
  expect_error(ErrorKind::data, {"fastmri_full.h5:/kspace", "[17, 6]", "[16, 11]"}, [] {
    FastMriFile::open(external + "fastmri_full.h5", Shape{17, 6});
  });
}

}  // namespace
}  // namespace recon
