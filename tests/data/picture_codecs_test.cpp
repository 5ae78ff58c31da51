#include "data/codecs/picture_codecs.h"

#include <tiffio.h>

#include <functional>
#include <memory>

#include "data/atomic_file.h"
#include "data/image_io.h"
#include "tests/data/data_support.h"
#include "tests/support/random.h"

namespace recon {
namespace {

using namespace testing_data;

/// How a TIFF file is laid out.
struct TiffForm {
  int bits = 8, photometric = PHOTOMETRIC_MINISBLACK, compression = COMPRESSION_NONE, planar = PLANARCONFIG_CONTIG;
  int tile = 0;  ///< side; 0: strips of 4 rows
  int format = SAMPLEFORMAT_UINT;
};

class PictureCodecs : public DataTest {
 protected:
  /// `pixels` [H, W, C], of a type with `form.bits` bits, written by libtiff itself.
  std::string tiff(const at::Tensor& pixels, const TiffForm& form) const {
    const std::string name = path("made.tiff");
    const std::unique_ptr<TIFF, void (*)(TIFF*)> file(TIFFOpen(name.c_str(), "w"), TIFFClose);
    const auto height = static_cast<std::uint32_t>(pixels.size(0)), width = static_cast<std::uint32_t>(pixels.size(1));
    TIFFSetField(file.get(), TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(file.get(), TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(file.get(), TIFFTAG_BITSPERSAMPLE, form.bits);
    TIFFSetField(file.get(), TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(pixels.size(2)));
    TIFFSetField(file.get(), TIFFTAG_SAMPLEFORMAT, form.format);
    TIFFSetField(file.get(), TIFFTAG_PHOTOMETRIC, form.photometric);
    TIFFSetField(file.get(), TIFFTAG_COMPRESSION, form.compression);
    TIFFSetField(file.get(), TIFFTAG_PLANARCONFIG, form.planar);
    const std::int64_t planes = form.planar == PLANARCONFIG_SEPARATE ? pixels.size(2) : 1;
    if (form.tile > 0) {
      TIFFSetField(file.get(), TIFFTAG_TILEWIDTH, form.tile);
      TIFFSetField(file.get(), TIFFTAG_TILELENGTH, form.tile);
    } else {
      TIFFSetField(file.get(), TIFFTAG_ROWSPERSTRIP, 4);
    }
    for (std::int64_t plane = 0; plane < planes; ++plane) {
      const at::Tensor own = (planes > 1 ? pixels.narrow(2, plane, 1) : pixels).contiguous();
      if (form.tile > 0) {
        write_tiles(file.get(), own, form.tile, plane);
      } else {
        for (std::uint32_t y = 0; y < height; ++y) {
          const at::Tensor row = own[y].clone();  // libtiff may change what it is given
          EXPECT_EQ(TIFFWriteScanline(file.get(), row.mutable_data_ptr(), y, static_cast<std::uint16_t>(plane)), 1);
        }
      }
    }
    return name;
  }

 private:
  static void write_tiles(TIFF* file, const at::Tensor& plane, int side, std::int64_t index) {
    for (std::int64_t y = 0; y < plane.size(0); y += side) {
      for (std::int64_t x = 0; x < plane.size(1); x += side) {
        const at::Tensor tile = at::zeros({side, side, plane.size(2)}, plane.scalar_type());
        const std::int64_t rows = std::min<std::int64_t>(side, plane.size(0) - y);
        const std::int64_t columns = std::min<std::int64_t>(side, plane.size(1) - x);
        tile.narrow(0, 0, rows).narrow(1, 0, columns).copy_(plane.narrow(0, y, rows).narrow(1, x, columns));
        EXPECT_GT(TIFFWriteTile(file, tile.mutable_data_ptr(), static_cast<std::uint32_t>(x),
                                static_cast<std::uint32_t>(y), 0, static_cast<std::uint16_t>(index)),
                  0);
      }
    }
  }
};

/// Different everywhere, [H, W, C].
at::Tensor numbers(std::int64_t channels) {
  return (at::arange(21 * 37 * channels) * 7 % 251).view({21, 37, channels});
}
at::Tensor picture(const at::Tensor& pixels, double scale) {
  return pixels.permute({2, 0, 1}).to(at::kDouble).div(scale).to(at::kFloat).contiguous();
}

TEST_F(PictureCodecs, TiffInStripsOrTilesWithPlanesTogetherOrApartAndCompressed) {
  for (const std::int64_t channels : {1, 3}) {
    const int photometric = channels == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    for (const int tile : {0, 16}) {
      for (const int planar : {PLANARCONFIG_CONTIG, PLANARCONFIG_SEPARATE}) {
        for (const int compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE}) {
          TiffForm form{.photometric = photometric, .compression = compression, .planar = planar, .tile = tile};
          const at::Tensor bytes = numbers(channels).to(at::kByte);
          EXPECT_TRUE(same_bits(read_image(tiff(bytes, form)), picture(bytes, 255)));
          form.bits = 16;
          const at::Tensor words = (numbers(channels) * 261).to(at::kInt);
          EXPECT_TRUE(same_bits(read_image(tiff(words.to(at::kUInt16), form)), picture(words, 65535)));
          form.bits = 64;
          form.format = SAMPLEFORMAT_IEEEFP;
          const at::Tensor reals = numbers(channels).to(at::kDouble) / 7 - 3;
          EXPECT_TRUE(same_bits(read_image(tiff(reals, form)), picture(reals, 1)));
        }
      }
    }
  }
}

TEST_F(PictureCodecs, TiffWhereZeroIsWhiteAndBilevel) {
  const at::Tensor bytes = numbers(1).to(at::kByte);
  const at::Tensor inverted = read_image(tiff(bytes, {.photometric = PHOTOMETRIC_MINISWHITE}));
  EXPECT_TRUE(same_bits(inverted, picture(255 - bytes.to(at::kInt), 255)));
  const at::Tensor packed = at::full({2, 1, 1}, 0b10100000, at::kByte);  // 2 rows of 3 pixels, 8 to the byte
  const std::string name = path("bits.tiff");
  {
    const std::unique_ptr<TIFF, void (*)(TIFF*)> file(TIFFOpen(name.c_str(), "w"), TIFFClose);
    TIFFSetField(file.get(), TIFFTAG_IMAGEWIDTH, 3);
    TIFFSetField(file.get(), TIFFTAG_IMAGELENGTH, 2);
    TIFFSetField(file.get(), TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(file.get(), TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(file.get(), TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    for (std::uint32_t y = 0; y < 2; ++y) TIFFWriteScanline(file.get(), packed[y].mutable_data_ptr(), y, 0);
  }
  EXPECT_TRUE(at::equal(read_image(name), at::tensor({1.F, 0.F, 1.F}).expand({1, 2, 3})));
}

TEST_F(PictureCodecs, OtherKindsOfFilesAreRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"BM" + std::string(60, '\0'), "BMP"},
      {"GIF89a" + std::string(60, '\0'), "GIF"},
      {"P5\n2 2\n255\nabcd", "PGM"},
      {"v/1\x01" + std::string(60, '\0'), "OpenEXR"},
      {std::string("\0\0\0\x0cjP  \r\n\x87\n", 12), "JPEG 2000"}};
  for (const auto& [bytes, name] : kinds) {
    write_file_atomically(path("a.png"), bytes);
    expect_data_error({"a.png", "expected a PNG, JPEG or TIFF picture, found " + name, "convert"},
                      [&] { read_image(path("a.png")); });
  }
}

TEST_F(PictureCodecs, FilesThatEndTooEarlyAreDamaged) {
  write_png(path("whole.png"), test::uniform({3, 40, 40}), {0, 1});
  write_tiff(path("whole.tiff"), test::uniform({1, 40, 40}));
  for (const std::string& name : {path("whole.png"), path("whole.tiff"), golden + "rgb8.jpg", golden + "gray16.tiff"}) {
    const std::string bytes = read_whole_file(name, 1 << 20);
    for (const double share : {0.02, 0.3, 0.6, 0.9}) {
      const auto kept = static_cast<std::size_t>(share * static_cast<double>(bytes.size()));
      write_file_atomically(path("cut"), bytes.substr(0, kept));
      expect_data_error({"cut"}, [&] { read_image(path("cut")); });
    }
  }
}

TEST_F(PictureCodecs, PngOfPalettesBitsAndKeyColours) {
  // 2-bit palette (3 x 1: red, green, blue); 1-bit grey (3 x 1: 1 0 1); 8-bit grey and alpha (1 x 1).
  const auto from_hex = [](const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
  };
  write_file_atomically(
      path("palette.png"),
      from_hex("89504e470d0a1a0a0000000d4948445200000003000000010203000000668efc2700000009504c5445ff000000ff000000ff"
               "2d4acd8a0000000a49444154789c63900000001a00192d88f4360000000049454e44ae426082"));
  EXPECT_TRUE(at::equal(read_image(path("palette.png")), at::eye(3).view({3, 1, 3})));
  write_file_atomically(
      path("bits.png"),
      from_hex("89504e470d0a1a0a0000000d4948445200000003000000010100000000339b29190000000a49444154789c6358000000a200"
               "a1dc8db1cc0000000049454e44ae426082"));
  EXPECT_TRUE(at::equal(read_image(path("bits.png")).flatten(), at::tensor({1.F, 0.F, 1.F})));
  write_file_atomically(
      path("alpha.png"),
      from_hex("89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b49444154789c63606f00000091"
               "008824161d900000000049454e44ae426082"));
  expect_data_error({"alpha.png", "got 2"}, [&] { read_image(path("alpha.png")); });
  EXPECT_EQ(read_image(path("alpha.png"), {.alpha = AlphaRule::drop}).sizes(), (at::IntArrayRef{1, 1, 1}));
}

}  // namespace
}  // namespace recon
