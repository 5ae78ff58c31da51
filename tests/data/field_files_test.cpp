// Files of the kinds that users bring (tests/golden/field_cases/files.md), each with its right value.
#include <fmt/format.h>
#include <hdf5.h>

#include <fstream>
#include <random>

#include "data/bit_depth.h"
#include "data/hdf5/hdf5_file.h"
#include "data/image_io.h"
#include "data/image_source.h"
#include "tests/data/data_support.h"

namespace recon {
namespace {

using namespace testing_data;
using hdf5::File;

const std::string field = test::source_path("tests/golden/field_cases/");

class FieldStacks : public DataTest {};
class FieldHdf5 : public DataTest {};
class FieldMessages : public DataTest {};

at::Tensor field_grey() {
  const at::Tensor y = at::arange(40).view({-1, 1}), x = at::arange(50);
  return ((7 * y + 13 * x) * 37).remainder(65536).to(at::kDouble);
}

TEST_F(FieldStacks, EveryPageOfATiffIsAnImage) {
  const ImageSource source = ImageSource::open(field + "st5.tif");
  EXPECT_EQ(source.ids(), (std::vector<std::string>{"st5_0", "st5_1", "st5_2", "st5_3", "st5_4"}));
  EXPECT_NEAR(source.image(4).mean().item<double>() * 255, 129.0612, 1e-3) << "the last page's mean, by tifffile";
  EXPECT_NEAR(source.image(0)[0][0][0].item<double>() * 255, 200, 1e-4);
  expect_data_error({"st5.tif", "5 pages"}, [] { read_image(field + "st5.tif"); });
  expect_data_error({"st5.tif", "page 5"}, [] { read_image(field + "st5.tif", {.page = 5}); });
}

TEST_F(FieldStacks, TwelveBitsInSixteenAreSeen) {
  const StoredPicture stored = read_stored(field + "12bit.tif");
  EXPECT_EQ(stored.used_bits(), 12);
  EXPECT_EQ(stored.planes.max().item<double>(), 4095);
  EXPECT_EQ(stored.full_scale, 65535);
  EXPECT_EQ(read_stored(golden + "gray8.png").used_bits(), 0);
  EXPECT_EQ(read_stored(golden + "gray_float.tiff").used_bits(), 0);
}

TEST_F(FieldStacks, CompressedTiledBigAndPaletteFilesAreRead) {
  const at::Tensor grey = field_grey();
  EXPECT_TRUE(at::equal(read_stored(field + "lzw_tiles.tif").planes[0], grey));
  EXPECT_TRUE(at::equal(read_stored(field + "deflate_float.tif").planes[0], grey / 8));
  EXPECT_EQ(picture_pages(field + "big_endian_big.tif"), 2);
  EXPECT_TRUE(at::equal(read_stored(field + "big_endian_big.tif", {.page = 1}).planes[0], (grey / 2).floor()));
  const at::Tensor index = (at::arange(5).view({-1, 1}) + at::arange(6)).to(at::kFloat);
  const at::Tensor colours = read_image(field + "palette.tif");
  EXPECT_TRUE(at::allclose(colours[0] * 255, index, 0, 1e-3));
  EXPECT_TRUE(at::allclose(colours[1] * 255, 255 - index, 0, 1e-3));
  EXPECT_EQ(colours[2].max().item<double>(), 0);
}

// libtiff stops before the checksum of a deflated block: recon holds the block against it.
TEST_F(FieldStacks, ADeflatedBlockMustAgreeWithItsChecksum) {
  const std::string whole = file_bytes(field + "deflate_float.tif");
  const at::Tensor expected = read_stored(field + "deflate_float.tif").planes;
  const std::size_t begin = whole.find("\x78\x9c"), end = whole.size();
  ASSERT_EQ(begin, 272U);
  int refused = 0;
  for (std::size_t at = begin; at < end; ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
    std::ofstream(path("damaged.tif"), std::ios::binary) << bytes;
    try {
      EXPECT_TRUE(at::equal(read_stored(path("damaged.tif")).planes, expected)) << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      ++refused;
    }
  }
  EXPECT_GE(refused, static_cast<int>(end - begin) - 4) << "a few bits only fill bytes";
  std::string bytes = whole;
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(path("damaged.tif"), std::ios::binary) << bytes;
  expect_data_error({"damaged.tif", "block 0", "incorrect data check"}, [&] { read_stored(path("damaged.tif")); });
}

at::Tensor ramp_of(std::int64_t rows, std::int64_t columns) {
  return at::arange(rows * columns, at::kFloat).view({rows, columns});
}

TEST_F(FieldHdf5, AnExternalLinkInPlaceIsRead) {
  // First and alone: HDF5 keeps one way of locking for a file that is open twice.
  const at::Tensor expected = File::open(field + "part0.h5").dataset("data").read();
  const File file = File::open(field + "ext.h5");
  const hdf5::Dataset linked = file.dataset("data"), again = file.dataset("data");
  EXPECT_EQ(linked.shape(), (Shape{1, 64, 64}));
  EXPECT_TRUE(at::equal(linked.read(), expected));
  EXPECT_TRUE(at::equal(again.read(), linked.read()));
  std::filesystem::copy_file(field + "ext.h5", path("ext.h5"));
  const File moved = File::open(path("ext.h5"));
  expect_data_error({"ext.h5", "external link", "part0.h5", "not there"}, [&] { moved.dataset("data"); });
  std::ofstream(path("part0.h5")) << "no HDF5";
  expect_data_error({"ext.h5:/data"}, [&] { moved.dataset("data"); });
}

TEST_F(FieldHdf5, LinksToNothingSaySo) {
  const File file = File::open(field + "dangling.h5");
  expect_data_error({"soft", "'/nothing'"}, [&] { file.dataset("soft"); });
  expect_data_error({"external", "nowhere.h5"}, [&] { file.dataset("external"); });
  EXPECT_FALSE(file.is_group("external"));
}

TEST_F(FieldHdf5, AVirtualDatasetIsReadWhenAllOfItIsThere) {
  EXPECT_TRUE(at::equal(File::open(field + "virtual.h5").dataset("data").read(), ramp_of(4, 6)));
  const auto read = [](const char* name) { File::open(field + name).dataset("data").read(); };
  expect_data_error({"virtual_missing.h5", "virtual_none.h5", "not there"}, [&] { read("virtual_missing.h5"); });
  expect_data_error({"virtual_short.h5", "a part of it", "virtual_a.h5", "is smaller than it says"},
                    [&] { read("virtual_short.h5"); });
  expect_data_error({"virtual_hole.h5", "6 of its 24"}, [&] { read("virtual_hole.h5"); });
}

TEST_F(FieldHdf5, AUserBlockIsSkippedAndANewerVersionIsNamed) {
  EXPECT_TRUE(at::equal(File::open(field + "user_block.h5").dataset("data").read(), ramp_of(4, 6)));
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  const auto read = [] { return File::open(field + "hdf5_2.0_latest_gzip.h5").dataset("measurements").read(); };
  if (major >= 2) {
    EXPECT_EQ(shape_of(read()), (Shape{1, 1, 64, 64}));
  } else {
    expect_data_error({"measurements", "newer HDF5", "v110"}, read);
  }
}

/// A file with one dataset of `rows` rows of three, by HDF5's own interface.
void write_part(const std::string& path, std::int64_t rows, float first) {
  File file = File::create(path);
  file.write("data", at::arange(3 * rows, at::kFloat).view({rows, 3}) + first);
  file.close();
}

/// Parts one below the other as a virtual dataset.
void write_virtual(const std::string& path, const std::vector<std::pair<std::string, hsize_t>>& parts) {
  hsize_t rows = 0;
  for (const auto& part : parts) rows += part.second;
  const hsize_t whole[2] = {rows, 3};
  const hid_t space = H5Screate_simple(2, whole, nullptr), properties = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t begin = 0;
  for (const auto& [name, count] : parts) {
    const hsize_t start[2] = {begin, 0}, extent[2] = {count, 3};
    const hid_t source = H5Screate_simple(2, extent, nullptr);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nullptr, extent, nullptr);
    H5Pset_virtual(properties, space, name.c_str(), "data", source);
    H5Sclose(source);
    begin += count;
  }
  H5Sselect_all(space);
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t set = H5Dcreate2(file, "all", H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  H5Dclose(set);
  H5Lcreate_external(parts.front().first.c_str(), "/data", file, "first", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  H5Pclose(properties);
  H5Sclose(space);
}

TEST_F(FieldHdf5, TwoHundredRandomFilesInPartsAreReadOrTheMissingPartIsNamed) {
  std::mt19937 random(3);
  int whole = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<std::string, hsize_t>> parts;
    std::vector<at::Tensor> expected;
    for (unsigned k = 0; k <= random() % 4; ++k) {
      parts.emplace_back(fmt::format("p{}_{}.h5", round, k), hsize_t{1} + random() % 5);
      const auto rows = static_cast<std::int64_t>(parts.back().second);
      write_part(path(parts.back().first), rows, static_cast<float>(100 * k));
      expected.push_back(at::arange(3 * rows, at::kFloat).view({rows, 3}) + 100.0F * static_cast<float>(k));
    }
    write_virtual(path("v.h5"), parts);
    const std::string& lost = parts[random() % parts.size()].first;
    const bool complete = random() % 2 == 0;
    if (!complete) std::filesystem::remove(path(lost));
    const File file = File::open(path("v.h5"));
    if (complete) {
      ++whole;
      EXPECT_TRUE(at::equal(file.dataset("all").read(), at::cat(expected))) << round;
      EXPECT_TRUE(at::equal(file.dataset("first").read(), expected.front())) << round;
    } else {
      expect_data_error({"v.h5:/all", lost, "not there"}, [&] { file.dataset("all").read(); });
    }
  }
  EXPECT_GT(whole, 50);
  EXPECT_LT(whole, 150);
}

// The fewest bits of 8, 10, 12 and 14 that hold the largest value, and no word from 15 bits on.
TEST(BitDepth, IsFoundInTwoHundredRandomCases) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const auto bits = static_cast<unsigned>(1 + random() % 16);
    const unsigned least = 1U << (bits - 1);
    const auto largest = static_cast<unsigned>(least + random() % least);  // `bits` bits
    const std::string words = bit_depth_warning(3, largest, "say image_range: [0, {}]");
    if (bits > 14) {
      EXPECT_EQ(words, "") << largest;
      continue;
    }
    const unsigned held = bits <= 8 ? 8 : bits + bits % 2;
    EXPECT_NE(words.find(fmt::format("{} bits (full scale {})", held, (1U << held) - 1)), std::string::npos) << words;
    EXPECT_NE(words.find(fmt::format("[0, {}]", (1U << held) - 1)), std::string::npos) << words;
  }
  EXPECT_EQ(bit_depth_warning(0, 0, "{}"), "");
}

TEST_F(FieldMessages, GitLfsPointersAreNamed) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n";
  for (const char* name : {"a.h5", "a.png", "a.tif", "a.nii"}) test::write_text(path(name), pointer);
  const std::vector<std::string> said = {"Git LFS pointer", "1234 bytes", "git lfs pull"};
  expect_data_error(said, [&] { File::open(path("a.h5")); });
  expect_data_error(said, [&] { read_image(path("a.png")); });
  expect_data_error(said, [&] { read_image(path("a.tif")); });
  expect_data_error(said, [&] { ImageSource::open(path("a.nii")); });
}

}  // namespace
}  // namespace recon
