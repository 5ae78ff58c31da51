// A camera's raw file through the real program, to a picture.
#include <ATen/ATen.h>

#include "data/image_io.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

class RawFiles : public ProgramTest {
 protected:
  static std::string photograph(const std::string& name) { return test::source_path("tests/golden/formats/" + name); }
};

TEST_F(RawFiles, APhotographBecomesAPicture) {
  const Outputs got = recon("run '" + photograph("turned.dng") + "' -o upright.png --threads 1");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const at::Tensor picture = read_image(path("upright.png"));
  ASSERT_EQ(picture.sizes(), (at::IntArrayRef{3, 64, 48}));
  // The scene of make_raw.py, a quarter turn clockwise, balanced, as sRGB; its disk is white.
  const at::Tensor y = at::arange(48, at::kDouble).unsqueeze(1) / 64, x = at::arange(64, at::kDouble) / 64;
  at::Tensor light = at::stack(
      {1.25 * (0.05 + 0.5 * x).expand({48, 64}), (0.1 + 0.6 * y).expand({48, 64}), 2.5 * (0.3 - 0.25 * x * y)});
  light = at::where((x - 0.3).square() + (y - 0.4).square() < 0.01, at::ones_like(light), light).clamp_max(1);
  const at::Tensor shown = (1.055 * light.pow(1 / 2.4) - 0.055).transpose(1, 2).flip(2);
  EXPECT_LT((picture - shown).square().mean().sqrt().item<double>(), 0.05) << "of a small scene with a sharp edge";
}

TEST_F(RawFiles, InspectSaysWhatTheCameraSays) {
  const Outputs got = recon("inspect '" + photograph("mosaic.dng") + "'");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  for (const char* words : {"format: \"raw\"", "recon test camera", "2, 1, 1.562", "by the file", "pattern: rggb"}) {
    EXPECT_NE(got.out.find(words), std::string::npos) << words << " in\n" << got.out;
  }
}

TEST_F(RawFiles, OtherSensorsAreRefused) {
  const Outputs got = recon("run '" + photograph("xtrans.dng") + "' -o no.png");
  EXPECT_EQ(got.exit_code, 3) << got.err;
  EXPECT_NE(got.err.find("X-Trans"), std::string::npos) << got.err;
}

}  // namespace
}  // namespace recon
