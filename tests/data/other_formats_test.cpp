// FITS and NumPy files as astropy and numpy write them (tests/golden/formats/make_formats.py), and damaged ones.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "data/fits_file.h"
#include "data/image_output.h"
#include "data/image_source.h"
#include "data/npy_file.h"
#include "recon/core/tensor_spec.h"
#include "tests/data/damage.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::string golden(const std::string& name) { return test::source_path("tests/golden/formats/" + name); }

nlohmann::json expected() { return nlohmann::json::parse(std::ifstream(golden("expected.json"))); }

at::Tensor as_tensor(const nlohmann::json& list) {
  if (!list.is_array()) return at::scalar_tensor(list.get<double>(), at::kDouble);
  std::vector<at::Tensor> parts;
  for (const auto& entry : list) parts.push_back(as_tensor(entry));
  return at::stack(parts);
}

TEST(NpyFile, EveryKindOfNumberIsRead) {
  const nlohmann::json values = expected();
  for (const std::string name : {"float32", "float64_fortran", "float32_big", "complex64", "complex128_big", "uint8",
                                 "uint16_big", "int64", "bool", "float16"}) {
    const StoredArray array = read_npy(golden(name + ".npy"));
    EXPECT_EQ(nlohmann::json(array.values.sizes().vec()), values[name]["shape"]) << name;
    const auto& parts = values[name]["parts"];
    const at::Tensor real = array.values.is_complex() ? at::real(array.values) : array.values;
    EXPECT_TRUE(real.flatten().to(at::kDouble).equal(as_tensor(parts[0]))) << name;
    ASSERT_EQ(array.values.is_complex(), parts.size() == 2) << name;
    if (parts.size() == 2) {
      EXPECT_TRUE(at::imag(array.values).flatten().to(at::kDouble).equal(as_tensor(parts[1]))) << name;
    }
    EXPECT_EQ(array.full_scale, name == "uint8" ? 255 : name == "uint16_big" ? 65535 : 1) << name;
  }
}

TEST(NpyFile, WhatHoldsNoNumbersIsRefused) {
  for (const std::string name : {"objects", "structured"}) {
    const std::string said = test::complaint([&] { read_npy(golden(name + ".npy")); });
    test::expect_says(said, {name + ".npy"});
  }
}

TEST(NpyFile, WhatIsWrittenIsRead) {
  const fs::path folder = test::scratch_folder();
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kComplexFloat, at::kComplexDouble}) {
    const at::Tensor values = at::arange(24, at::kDouble).reshape({2, 3, 4}).to(type) * 0.5;
    write_npy((folder / "a.npy").string(), values);
    EXPECT_TRUE(read_npy((folder / "a.npy").string()).values.equal(values)) << c10::toString(type);
  }
}

TEST(FitsFile, ImagesOfEveryExtensionAreRead) {
  const nlohmann::json values = expected();
  const auto images = read_fits(golden("image.fits"));
  ASSERT_EQ(images.size(), 3U) << "the table is passed over";
  EXPECT_TRUE(images[0].values.to(at::kFloat).equal(as_tensor(values["image"]).to(at::kFloat)));
  EXPECT_EQ(images[0].header.at("OBJECT"), "the observer's galaxy");
  EXPECT_EQ(images[1].name, "COUNTS");
  EXPECT_TRUE(images[1].values.equal(as_tensor(values["counts"]))) << "unsigned by BZERO";
  EXPECT_TRUE(read_fits_image(golden("image.fits"), "COUNTS").values.equal(images[1].values));
  EXPECT_TRUE(read_fits_image(golden("image.fits"), "1").values.equal(images[1].values));
  const at::Tensor blanks = read_fits_image(golden("image.fits"), "BLANKS").values;
  EXPECT_TRUE(blanks.isnan().equal(as_tensor({{0, 0, 1}, {0, 0, 0}}).to(at::kBool)));
  EXPECT_TRUE(blanks.nan_to_num(0).equal(as_tensor({{10.5, 11, 0}, {12, 12.5, 13}})));
  EXPECT_TRUE(read_fits_image(golden("cube.fits.gz"), "").values.equal(as_tensor(values["cube"])));
}

TEST(FitsFile, WhatIsNoImageIsNamed) {
  const auto said = [](const std::string& name, const std::string& image) {
    return test::complaint([&] { read_fits_image(golden(name), image); });
  };
  test::expect_says(said("table.fits", ""), {"table.fits", "no image"});
  test::expect_says(said("packed.fits", ""), {"packed.fits", "funpack"});
  test::expect_says(said("image.fits", "STARS"), {"no image 'STARS'", "COUNTS", "BLANKS"});
}

TEST(FitsFile, WhatIsWrittenIsRead) {
  const fs::path folder = test::scratch_folder();
  for (const at::Tensor& values :
       {at::arange(35, at::kFloat).reshape({7, 5}) - 3.5, at::arange(6000, at::kFloat).reshape({3, 40, 50}).sin()}) {
    write_fits((folder / "a.fits").string(), values);
    EXPECT_TRUE(is_fits((folder / "a.fits").string()));
    EXPECT_EQ(fs::file_size(folder / "a.fits") % 2880, 0U);
    EXPECT_TRUE(read_fits_image((folder / "a.fits").string(), "").values.to(at::kFloat).equal(values));
  }
}

TEST(ImageOutputs, EveryEndingIsReadBackAsItWasWritten) {
  const fs::path folder = test::scratch_folder();
  const ImageOutput output{
      .images = at::arange(126, at::kFloat).reshape({2, 1, 9, 7}) / 125, .ids = {"a", "b/c"}, .range = {0, 1}};
  for (const std::string& ending : image_endings()) {
    const auto files = write_images((folder / ("out" + ending)).string(), output);
    EXPECT_EQ(files.size(), ending == ".png" ? 2U : 1U) << ending;
    if (ending == ".npy") {
      EXPECT_TRUE(read_npy(files[0]).values.equal(output.images));
      continue;
    }
    for (std::int64_t i = 0; i < 2; ++i) {
      const bool own_file = files.size() > 1;
      const ImageSource source = ImageSource::open(files[own_file ? static_cast<std::size_t>(i) : 0]);
      const at::Tensor error = (source.image(own_file ? 0 : i) - output.images[i]).abs().max();
      EXPECT_LE(error.item<double>(), ending == ".png" ? 1.0 / 65535 : 0) << ending;
    }
  }
  EXPECT_TRUE(fs::exists(folder / "out_b_c.png")) << "an id leads nowhere else";
  EXPECT_THROW(write_images((folder / "out.bmp").string(), output), Error);
}

/// 4000 damaged files: each is one Error(data) that names it, or an array.
TEST(OtherFormats, DamageIsAnErrorAndNeverMore) {
  const fs::path folder = test::scratch_folder();
  std::mt19937 random(5);
  int refused = 0;
  for (const std::string name : {"image.fits", "cube.fits.gz", "float64_fortran.npy", "uint16_big.npy"}) {
    const std::string whole = testing_data::file_bytes(golden(name));
    for (int i = 0; i < 1000; ++i) {
      const std::string path = (folder / name).string();
      std::ofstream(path, std::ios::binary) << testing_data::damaged_copy(whole, random);
      try {
        name.ends_with(".npy") ? (void)read_npy(path) : (void)read_fits(path);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
        EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace recon
