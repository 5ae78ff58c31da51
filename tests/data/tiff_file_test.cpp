// TIFF pages against files that the test writes byte by byte, by the specification (TIFF 6.0; BigTIFF).
#include "data/tiff_file.h"

#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <random>

#include "data/image_io.h"
#include "data/image_source.h"
#include "data/nifti_file.h"
#include "data/picture_orientation.h"
#include "data/stack_file.h"
#include "tests/data/data_support.h"
#include "tests/support/random.h"

namespace recon {
namespace {

using namespace testing_data;

class TiffPages : public DataTest {};

/// What a random page is like.
struct PageKind {
  std::uint32_t width, height, samples, bits;
  bool floats, apart, tiled, white_is_zero;
  std::uint32_t rows_per_strip, tile_side, orientation;
};

/// A TIFF file under construction, uncompressed, in either byte order and in the classic or the big format.
class TiffBytes {
 public:
  TiffBytes(bool little, bool big) : little_(little), big_(big) {
    bytes_ = little ? "II" : "MM";
    append(big ? 43 : 42, 2);
    if (big) {
      append(8, 2);
      append(0, 2);
    }
    link_ = bytes_.size();
    append(0, offset_bytes());
  }

  /// `values` [height, width, samples] as integers; floats are value / 8.
  void add_page(const PageKind& page, const at::Tensor& values) {
    std::vector<std::uint64_t> offsets, counts;
    for (std::uint32_t plane = 0; plane < (page.apart ? page.samples : 1); ++plane) {
      const at::Tensor part = page.apart ? values.slice(2, plane, plane + 1) : values;
      const std::uint32_t down = page.tiled ? page.tile_side : page.rows_per_strip;
      const std::uint32_t across = page.tiled ? page.tile_side : page.width;
      for (std::uint32_t top = 0; top < page.height; top += down) {
        for (std::uint32_t left = 0; left < page.width; left += across) {
          offsets.push_back(bytes_.size());
          add_block(page, part, top, left, page.tiled ? down : std::min(down, page.height - top), across);
          counts.push_back(bytes_.size() - offsets.back());
        }
      }
    }
    add_directory(page, offsets, counts);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  std::size_t offset_bytes() const { return big_ ? 8 : 4; }

  std::string number(std::uint64_t value, std::size_t count) const {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += static_cast<char>(value >> (8 * (little_ ? i : count - 1 - i)) & 0xFFU);
    }
    return text;
  }
  void append(std::uint64_t value, std::size_t count) { bytes_ += number(value, count); }

  void add_block(const PageKind& page, const at::Tensor& part, std::uint32_t top, std::uint32_t left,
                 std::uint32_t rows, std::uint32_t columns) {
    for (std::uint32_t y = top; y < top + rows; ++y) {
      std::string packed;  // of '0' and '1', for samples that are no whole bytes
      for (std::uint32_t x = left; x < left + columns; ++x) {
        for (std::int64_t s = 0; s < part.size(2); ++s) {
          const bool inside = y < page.height && x < page.width;
          const std::int64_t value = inside ? part[y][x][s].item<std::int64_t>() : 1;
          if (page.floats) {
            const double exact = static_cast<double>(value) / 8;
            append(page.bits == 64 ? std::bit_cast<std::uint64_t>(exact)
                                   : std::bit_cast<std::uint32_t>(static_cast<float>(exact)),
                   page.bits / 8);
          } else if (page.bits % 8 == 0) {
            append(static_cast<std::uint64_t>(value), page.bits / 8);
          } else {
            for (std::uint32_t bit = page.bits; bit-- > 0;) packed += (value >> bit & 1) != 0 ? '1' : '0';
          }
        }
      }
      packed.resize((packed.size() + 7) / 8 * 8, '0');
      for (std::size_t at = 0; at < packed.size(); at += 8) {
        bytes_ += static_cast<char>(std::stoi(packed.substr(at, 8), nullptr, 2));
      }
    }
  }

  void add_directory(const PageKind& page, const std::vector<std::uint64_t>& offsets,
                     const std::vector<std::uint64_t>& counts) {
    using Values = std::vector<std::uint64_t>;
    std::map<std::uint16_t, Values> tags = {{256, {page.width}},
                                            {257, {page.height}},
                                            {258, Values(page.samples, page.bits)},
                                            {259, {1}},
                                            {262,
                                             {page.samples == 3    ? 2U
                                              : page.white_is_zero ? 0U
                                                                   : 1U}},
                                            {274, {page.orientation}},
                                            {277, {page.samples}},
                                            {284, {page.apart ? 2U : 1U}},
                                            {339, Values(page.samples, page.floats ? 3 : 1)}};
    if (page.tiled) {
      tags[322] = tags[323] = {page.tile_side};
      tags[324] = offsets;
      tags[325] = counts;
    } else {
      tags[273] = offsets;
      tags[278] = {page.rows_per_strip};
      tags[279] = counts;
    }
    std::map<std::uint16_t, std::size_t> places;
    for (const auto& [tag, values] : tags) {
      if (values.size() * 4 <= offset_bytes()) continue;
      places[tag] = bytes_.size();
      for (const auto value : values) append(value, 4);
    }
    if (bytes_.size() % 2 == 1) bytes_ += '\0';
    bytes_.replace(link_, offset_bytes(), number(bytes_.size(), offset_bytes()));
    append(tags.size(), big_ ? 8 : 2);
    for (const auto& [tag, values] : tags) {
      constexpr std::uint64_t type_long = 4;
      append(tag, 2);
      append(type_long, 2);
      append(values.size(), offset_bytes());
      if (places.contains(tag)) {
        append(places[tag], offset_bytes());
        continue;
      }
      std::string inside;
      for (const auto value : values) inside += number(value, 4);
      inside.resize(offset_bytes(), '\0');
      bytes_ += inside;
    }
    link_ = bytes_.size();
    append(0, offset_bytes());
  }

  bool little_, big_;
  std::string bytes_;
  std::size_t link_ = 0;  ///< where the place of the next page is written
};

/// Where the pixel (x, y) of the upright picture is stored, by the specification's words on each value.
std::pair<std::int64_t, std::int64_t> stored_place(std::uint32_t orientation, std::int64_t x, std::int64_t y,
                                                   std::int64_t width, std::int64_t height) {
  const bool turned = orientation >= 5;
  const bool row_from_end = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool column_from_end = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const std::int64_t row = turned ? x : y, column = turned ? y : x;
  return {row_from_end ? height - 1 - row : row, column_from_end ? width - 1 - column : column};
}

PageKind random_page(std::mt19937& random) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  constexpr std::array<std::uint32_t, 8> integer_bits = {1, 2, 4, 8, 10, 12, 14, 16};
  PageKind page{};
  page.width = 1 + below(40);
  page.height = 1 + below(40);
  page.floats = random() % 4 == 0;
  page.bits = page.floats ? (random() % 2 == 0 ? 32 : 64) : integer_bits[random() % integer_bits.size()];
  page.samples = random() % 3 == 0 && page.bits >= 8 ? 3 : 1;
  page.apart = page.samples == 3 && random() % 2 == 0;
  page.tiled = random() % 3 == 0;
  page.white_is_zero = page.samples == 1 && !page.floats && random() % 4 == 0;
  page.rows_per_strip = 1 + below(page.height);
  page.tile_side = 16 * (1 + below(2));
  page.orientation = 1 + below(8);
  return page;
}

TEST_F(TiffPages, TwoHundredRandomFilesGiveEveryPage) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    TiffBytes file(random() % 2 == 0, random() % 2 == 0);
    std::vector<PageKind> kinds;
    std::vector<at::Tensor> stored;
    for (unsigned k = 0; k <= random() % 4; ++k) {
      kinds.push_back(random_page(random));
      const PageKind& page = kinds.back();
      const std::int64_t levels = page.floats ? 4000 : std::int64_t{1} << page.bits;
      stored.push_back(
          (test::uniform({page.height, page.width, page.samples}, at::kDouble) * static_cast<double>(levels))
              .floor()
              .to(at::kLong));
      file.add_page(page, stored.back());
    }
    test::write_text(path("a.tif"), file.bytes());
    ASSERT_EQ(picture_pages(path("a.tif")), std::ssize(kinds)) << round;
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      const PageKind& page = kinds[k];
      const at::Tensor found = read_image(path("a.tif"), {.page = static_cast<std::int64_t>(k)});
      const bool turned = page.orientation >= 5;
      const std::int64_t width = turned ? page.height : page.width, height = turned ? page.width : page.height;
      ASSERT_EQ(shape_of(found), (Shape{page.samples, height, width})) << round;
      const double white = page.floats ? 8 : std::exp2(page.bits) - 1;
      for (std::int64_t probe = 0; probe < 12; ++probe) {
        const std::int64_t c = probe % page.samples, x = probe * 7 % width, y = probe * 5 % height;
        const auto [row, column] = stored_place(page.orientation, x, y, page.width, page.height);
        double expected = stored[k][row][column][c].item<double>() / white;
        if (page.white_is_zero) expected = 1 - expected;
        EXPECT_NEAR(found[c][y][x].item<double>(), expected, 1e-6 * std::max(1.0, expected))
            << round << " page " << k << " bits " << page.bits << " orientation " << page.orientation;
      }
    }
  }
}

TEST_F(TiffPages, AnExportedStackIsReadAgainFor200RandomOnes) {
  for (int round = 0; round < 200; ++round) {
    const at::Tensor stack = test::uniform({1 + round % 7, 1 + round % 11, 1 + round % 13});
    write_tiff_stack(path("s.tif"), stack);
    write_nifti(path("s.nii"), stack, {});
    for (const char* name : {"s.tif", "s.nii"}) {
      const ImageSource source = ImageSource::open(path(name));
      ASSERT_EQ(source.count(), stack.size(0)) << name;
      for (std::int64_t i = 0; i < source.count(); ++i) EXPECT_TRUE(same_bits(source.image(i)[0], stack[i])) << name;
    }
  }
}

// A JPEG with an Exif segment of one tag, a PNG with such a chunk, in both byte orders.
TEST_F(TiffPages, ExifStatesTheOrientationOfJpegAndPng) {
  const std::string jpeg = file_bytes(golden + "rgb8.jpg"), png = file_bytes(golden + "rgb8.png");
  EXPECT_EQ(exif_orientation(jpeg), upright);
  for (const bool little : {true, false}) {
    for (char value = 1; value <= 8; ++value) {
      const std::vector<int> entry =
          little ? std::vector<int>{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, value, 0}
                 : std::vector<int>{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value};
      std::string padded(26, '\0');  // the value's other half and the end of the directory
      for (std::size_t i = 0; i < entry.size(); ++i) padded[i] = static_cast<char>(entry[i]);
      const std::string segment =
          std::string("\xFF\xE1\0", 3) + static_cast<char>(8 + padded.size()) + std::string("Exif\0\0", 6) + padded;
      const std::string with = jpeg.substr(0, 2) + segment + jpeg.substr(2);
      EXPECT_EQ(exif_orientation(with), value);
      test::write_text(path("o.jpg"), with);
      EXPECT_TRUE(at::equal(read_image(path("o.jpg")), oriented(read_image(golden + "rgb8.jpg"), value)));
      const std::string chunk = std::string("\0\0\0", 3) + static_cast<char>(padded.size()) + "eXIf" + padded + "0000";
      EXPECT_EQ(exif_orientation(png.substr(0, 33) + chunk + png.substr(33)), value);
      for (std::size_t cut = 0; cut < with.size(); cut += 7) exif_orientation(with.substr(0, cut));
    }
  }
}

}  // namespace
}  // namespace recon
