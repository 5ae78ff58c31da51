#include "data/atomic_file.h"
#include "data/image_io.h"
#include "data/image_source.h"
#include "tests/data/data_support.h"
#include "tests/support/random.h"

namespace recon {
namespace {

using namespace testing_data;

class Images : public DataTest {};
class Sources : public DataTest {};

/// The golden pictures' formula 7 y + 13 x + 29 c as [C, 6, 9].
at::Tensor formula(std::int64_t channels) {
  const at::Tensor c = at::arange(channels).view({-1, 1, 1}), y = at::arange(6).view({1, -1, 1}), x = at::arange(9);
  return 7 * y + 13 * x + 29 * c;
}

at::Tensor eight_bits(std::int64_t channels) {
  return formula(channels).remainder(256).to(at::kDouble).div(255).to(at::kFloat);
}
at::Tensor sixteen_bits(std::int64_t channels) {
  return formula(channels).mul(251).remainder(65536).to(at::kDouble).div(65535).to(at::kFloat);
}

TEST_F(Images, ReadsWhatOthersWrite) {
  EXPECT_TRUE(same_bits(read_image(golden + "gray8.png"), eight_bits(1)));
  EXPECT_TRUE(same_bits(read_image(golden + "rgb8.png"), eight_bits(3))) << "order R, G, B";
  EXPECT_TRUE(same_bits(read_image(golden + "gray16.png"), sixteen_bits(1)));
  EXPECT_TRUE(same_bits(read_image(golden + "gray16.tiff"), sixteen_bits(1)));
  EXPECT_TRUE(same_bits(read_image(golden + "rgb16.tiff"), sixteen_bits(3)));
  EXPECT_TRUE(same_bits(read_image(golden + "gray_float.tiff"), (formula(1) - 50).to(at::kFloat) / 8));
  EXPECT_TRUE(same_bits(read_image(golden + "int32.tiff"), formula(1).to(at::kFloat))) << "no full scale";
  const at::Tensor jpeg = read_image(golden + "rgb8.jpg") * 255;
  EXPECT_LT((jpeg - at::tensor({200.0, 100.0, 50.0}).view({3, 1, 1})).abs().max().item<double>(), 2.5)
      << "two grey levels: the rounding of JPEG's colour transform";
}

TEST_F(Images, ChannelsAndAlphaFollowTheRulesAsked) {
  expect_data_error({"rgba8.png", "alpha", "got 4"}, [] { read_image(golden + "rgba8.png"); });
  EXPECT_TRUE(same_bits(read_image(golden + "rgba8.png", {.alpha = AlphaRule::drop}), eight_bits(3)));
  EXPECT_TRUE(same_bits(read_image(golden + "gray8.png", {.channels = ChannelRule::rgb})[2], eight_bits(1)[0]));
  const at::Tensor gray = read_image(golden + "rgb8.png", {.channels = ChannelRule::gray});
  const at::Tensor rgb = eight_bits(3);
  EXPECT_TRUE(at::allclose(gray[0], 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2], 0, 1e-6));
}

TEST_F(Images, RefusesWhatIsNoPicture) {
  expect_data_error({"none.png", "No such file"}, [&] { read_image(path("none.png")); });
  expect_data_error({"h5py_types.h5", "PNG, JPEG or TIFF"}, [] { read_image(golden + "h5py_types.h5"); });
  expect_data_error({"at most 10 pixels", "9 x 6"}, [] { read_image(golden + "gray8.png", {.max_pixels = 10}); });
}

TEST_F(Images, WhatIsWrittenIsReadBackToRounding) {
  for (const std::int64_t channels : {1, 3}) {
    const at::Tensor image = test::uniform({channels, 5, 7}) * 4 - 1;
    const ImageRange range{-1, 3};
    const at::Tensor unit = (image + 1) / 4;
    write_png(path("8.png"), image, range);
    EXPECT_LE((read_image(path("8.png")) - unit).abs().max().item<double>(), 0.5 / 255 + 1e-6);
    write_png(path("16.png"), image, range, 16);
    EXPECT_LE((read_image(path("16.png")) - unit).abs().max().item<double>(), 0.5 / 65535 + 1e-6);
    write_tiff(path("f.tiff"), image);
    EXPECT_TRUE(same_bits(read_image(path("f.tiff")), image)) << "floats exactly";
    write_file_atomically(path("p.webp"), webp_bytes({"", image, range}));
    const at::Tensor page = read_image(path("p.webp")).narrow(0, 0, channels);
    EXPECT_LE((page - unit).abs().max().item<double>(), 0.5 / 255 + 1e-6) << "lossless but for the 8 bits";
  }
}

TEST_F(Images, ValuesOutsideTheRangeAreClippedAndNanIsBlack) {
  const at::Tensor image = at::tensor({-5.0F, 0.0F, 1.0F, 9.0F, NAN, INFINITY}).view({1, 2, 3});
  write_png(path("a.png"), image, {0, 1});
  EXPECT_TRUE(at::equal(read_image(path("a.png")).flatten(), at::tensor({0.F, 0.F, 1.F, 1.F, 0.F, 1.F})));
  const at::Tensor complex = at::complex(at::full({1, 1, 1}, 0.6F), at::full({1, 1, 1}, -0.8F));
  write_tiff(path("z.tiff"), complex);
  EXPECT_NEAR(read_image(path("z.tiff")).item<double>(), 1.0, 1e-6) << "the magnitude of a complex image";
  EXPECT_THROW(write_png(path("a.png"), at::zeros({2, 3, 3}), {0, 1}), Error);
}

TEST_F(Images, APanelShowsItsTilesSideBySide) {
  const at::Tensor ramp = at::arange(64 * 64, at::kFloat).view({1, 64, 64}) / 4095;
  write_png_panel(path("p.png"),
                  {{"one", ramp, {0, 1}},
                   {"a label far too long for the tile it belongs to", ramp, {0, 1}},
                   {"std", ramp, {0, 1}, Colormap::inferno}},
                  2);
  const at::Tensor panel = read_image(path("p.png"));
  // Two columns and two rows of 192 px tiles (3 x 64), each with a gap of 6 and a label of 22.
  EXPECT_EQ(panel.sizes(), (at::IntArrayRef{3, 2 * (192 + 22 + 6) + 6, 2 * (192 + 6) + 6}));
  const auto tile = [&](std::int64_t row, std::int64_t column) {
    return panel.slice(1, 6 + row * 220 + 22, 220 + row * 220).slice(2, 6 + column * 198, 198 + column * 198);
  };
  const at::Tensor expected = ramp.expand({3, -1, -1}).repeat_interleave(3, 1).repeat_interleave(3, 2);
  for (const std::int64_t column : {0, 1}) {
    EXPECT_LE((tile(0, column) - expected).abs().max().item<double>(), 0.5 / 255 + 1e-6);
  }
  const at::Tensor map = tile(1, 0);
  EXPECT_LT(map.select(1, 0).select(1, 0).max().item<double>(), 0.1) << "inferno starts black";
  EXPECT_GT((map[0] - map[2]).abs().max().item<double>(), 0.3) << "in colour";
  EXPECT_EQ(tile(1, 1).min().item<double>(), 1.0) << "no fourth tile";
  EXPECT_LT(panel.slice(1, 6, 28).slice(2, 6, 198).min().item<double>(), 0.5) << "a label in ink";
}

TEST_F(Images, APanelHasItsCurvesAbove) {
  const at::Tensor black = at::zeros({1, 192, 192});
  const PanelCurve flat{"flat", {0, 10, NAN}, {10, 10, 1}}, falling{"falling", {0, 5, 10, 11}, {100, 10, 1, -1}};
  write_png_panel(path("p.png"), {{"", black, {0, 1}}, {"", black, {0, 1}}, {"", black, {0, 1}}}, 0, {flat, falling});
  const at::Tensor panel = read_image(path("p.png"));
  ASSERT_EQ(panel.sizes(), (at::IntArrayRef{3, 260 + 192 + 22 + 2 * 6, 3 * 198 + 6}));
  const auto ink_at = [&](std::int64_t row, std::int64_t column) { return panel.select(1, row).select(1, column); };
  const auto coloured = [](const at::Tensor& pixel) { return (pixel.max() - pixel.min()).item<double>() > 0.3; };
  // The frame is 64..430 by 10..236: y from 10^0 at the bottom to 10^2 at the top, so 10 lies in the middle.
  for (const std::int64_t column : {100, 200, 300}) EXPECT_TRUE(coloured(ink_at(123, column))) << column;
  EXPECT_TRUE(coloured(ink_at(66, 156))) << "falling, at a quarter: 10^1.5";
  EXPECT_TRUE(coloured(ink_at(179, 338))) << "falling, at three quarters: 10^0.5";
  EXPECT_FALSE(coloured(ink_at(66, 338)));
  EXPECT_FALSE(coloured(ink_at(179, 156)));
  EXPECT_EQ(panel.slice(1, 260 + 6 + 22, 260 + 6 + 22 + 192).slice(2, 6, 6 + 192).max().item<double>(), 0) << "a tile";
  EXPECT_THROW(write_png_panel(path("p.png"), {{"", black, {0, 1}}}, 0, {{"", {1}, {0}}}), Error) << "no point";
}

TEST_F(Sources, AFileAFolderAndADataset) {
  const auto file = ImageSource::open(golden + "gray16.png");
  EXPECT_EQ(file.ids(), std::vector<std::string>{"gray16"});
  EXPECT_TRUE(same_bits(file.image(0), sixteen_bits(1)));

  write_png(path("b.png"), at::zeros({1, 2, 2}), {0, 1});
  write_png(path("a.PNG"), at::ones({1, 2, 2}), {0, 1});
  write_file_atomically(path("notes.txt"), "no picture");
  const auto folder = ImageSource::open(path(""));
  EXPECT_EQ(folder.ids(), (std::vector<std::string>{"a", "b"})) << "sorted, pictures only";
  EXPECT_EQ(folder.image(0).sum().item<double>(), 4.0);
  write_png(path("b.tiff"), at::zeros({1, 2, 2}), {0, 1});
  EXPECT_EQ(ImageSource::open(path("")).ids(), (std::vector<std::string>{"a.PNG", "b.png", "b.tiff"})) << "ids differ";

  auto out = hdf5::File::create(path("x.h5"));
  const at::Tensor bytes = at::arange(24, at::kByte).view({2, 3, 4});
  out.write("bytes", bytes);
  auto group = out.create_group("deep");
  group.write("rgb", test::uniform({2, 3, 4, 4}, at::kDouble));
  group.write("one", test::uniform({3, 4}, at::kComplexFloat));
  group.write("numbers", at::arange(4));
  group.write("nan", at::full({1, 2, 2}, NAN));
  out.close();
  const auto stack = ImageSource::open(path("x.h5:/bytes"));
  EXPECT_EQ(stack.count(), 2);
  EXPECT_TRUE(same_bits(stack.image(1), bytes[1].unsqueeze(0).to(at::kDouble).div(255).to(at::kFloat)));
  EXPECT_EQ(ImageSource::open(path("x.h5:/deep/rgb")).image(1).sizes(), (at::IntArrayRef{3, 4, 4}));
  EXPECT_EQ(ImageSource::open(path("x.h5:/deep/rgb"), {.channels = ChannelRule::gray}).image(1).size(0), 1);
  EXPECT_TRUE(ImageSource::open(path("x.h5:/deep/one")).image(0).is_complex());
  expect_data_error({"/deep/numbers", "[4]"}, [&] { ImageSource::open(path("x.h5:/deep/numbers")); });
  expect_data_error({"/deep/nan", "NaN"}, [&] { ImageSource::open(path("x.h5:/deep/nan")).image(0); });
  expect_data_error({"/none"}, [&] { ImageSource::open(path("x.h5:/none")); });
  expect_data_error({"FILE.h5:/dataset"}, [&] { ImageSource::open(path("none.png")); });
  expect_error(ErrorKind::usage, {"0 to 1"}, [&] { stack.image(2); });
}

}  // namespace
}  // namespace recon
