// Raw files of cameras against what make_raw.py wrote into them (tests/golden/formats; tifffile, imagecodecs).
#include "data/raw_mosaic.h"

#include <fstream>

#include "data/npz_file.h"
#include "tests/data/damage.h"

namespace recon {
namespace {

using namespace testing_data;

const std::string raws = test::source_path("tests/golden/formats/");

class RawMosaics : public Damage {};

TEST_F(RawMosaics, CountsBecomeLightFilterByFilter) {
  const RawMosaic mosaic = read_raw_mosaic(raws + "mosaic.dng");
  EXPECT_EQ(mosaic.pattern, "rggb");
  const at::Tensor expected = read_npz(raws + "raw.npz", "mosaic").values.to(at::kFloat);
  EXPECT_TRUE(at::allclose(mosaic.values, expected, 1e-6, 1e-7)) << "four black levels";
  EXPECT_EQ(mosaic.values.max().item<float>(), 1);
  EXPECT_TRUE(mosaic.balance_is_stated);
  EXPECT_NEAR(mosaic.balance[0], 2, 1e-6);
  EXPECT_EQ(mosaic.balance[1], 1);
  EXPECT_NEAR(mosaic.balance[2], 1 / 0.64, 1e-6);
  ASSERT_TRUE(mosaic.noise);
  for (std::size_t colour = 0; colour < 3; ++colour) {
    EXPECT_EQ(mosaic.noise->per_signal.at(colour), 2e-4);
    EXPECT_EQ(mosaic.noise->constant.at(colour), 1e-6);
  }
  EXPECT_EQ(mosaic.camera, "recon test camera");
  EXPECT_NEAR(mosaic.step, 1.0 / (4095 - 70), 1e-12);
}

TEST_F(RawMosaics, TheVisibleAreaIsTurnedUprightWithItsFilters) {
  const RawMosaic mosaic = read_raw_mosaic(raws + "turned.dng");  // lossless JPEG, big endian, gbrg held on its side
  EXPECT_EQ(mosaic.pattern, "rggb");
  const at::Tensor expected = read_npz(raws + "raw.npz", "turned").values.to(at::kFloat);
  ASSERT_EQ(mosaic.values.sizes(), expected.sizes());
  EXPECT_TRUE(at::allclose(mosaic.values, expected, 1e-6, 1e-7));
  EXPECT_EQ(mosaic.balance, (std::array<double, 3>{1.25, 1, 2.5}));
  ASSERT_TRUE(mosaic.noise);
  EXPECT_EQ(mosaic.noise->per_signal, (std::array<double, 3>{1e-4, 2e-4, 4e-4}));
  EXPECT_EQ(mosaic.noise->constant, (std::array<double, 3>{1e-6, 2e-6, 4e-6}));
}

TEST_F(RawMosaics, WhatAFileDoesNotSayIsNotMadeUp) {
  const RawMosaic mosaic = read_raw_mosaic(raws + "plain.dng");
  EXPECT_EQ(mosaic.pattern, "bggr");
  EXPECT_FALSE(mosaic.balance_is_stated);
  EXPECT_EQ(mosaic.balance, (std::array<double, 3>{1, 1, 1}));
  EXPECT_FALSE(mosaic.noise);
}

TEST_F(RawMosaics, OtherSensorsAreRefusedByName) {
  const auto refused = [](const std::string& name, const std::vector<std::string>& words) {
    expect_data_error(words, [&] { read_raw_mosaic(raws + name); });
  };
  refused("xtrans.dng", {"xtrans.dng", "X-Trans", "Bayer"});
  refused("linear.dng", {"linear.dng", "linear DNG", "Bayer"});
  refused("cmyg.dng", {"cmyg.dng", "'gmcy'", "Bayer"});
  refused("image.fits", {"image.fits", "raw file"});
  refused("absent.dng", {"absent.dng", "No such file"});
}

TEST_F(RawMosaics, ATruncatedFileIsOneError) {
  for (const char* name : {"mosaic.dng", "turned.dng"}) {
    const std::string whole = file_bytes(raws + name);
    for (std::size_t size = 0; size < whole.size(); size += 97) {
      std::ofstream(path("short.dng"), std::ios::binary) << whole.substr(0, size);
      SCOPED_TRACE(fmt::format("{} of {} bytes", size, whole.size()));
      expect_data_error({"short.dng"}, [&] { read_raw_mosaic(path("short.dng")); });
    }
  }
}

TEST_F(RawMosaics, NamesOfRawFilesAreKnown) {
  EXPECT_TRUE(is_raw_name("a/IMG_1.DNG"));
  EXPECT_TRUE(is_raw_name("b.nef"));
  EXPECT_FALSE(is_raw_name("c.tif"));
  EXPECT_FALSE(is_raw_name("raw"));
}

}  // namespace
}  // namespace recon
