// Radial raw data against BART's pics on the same file: BART's own phantom in eight coils, sampled by its closed form.
#include <algorithm>

#include "data/measurement_file.h"
#include "data/result_file.h"
#include "recon/core/rng.h"
#include "tests/commands/bart_support.h"
#include "tests/data/ismrmrd_writer.h"

namespace recon {
namespace {

class SlowRadialAgainstBart : public BartTest {
 protected:
  static constexpr std::int64_t spokes = 64, readout = 2 * size;

  /// `traj`, `k` for BART, `radial.h5` for recon: the same samples, with noise and a noise scan.
  void make_scan() {
    bart(fmt::format("traj -r -x {} -y {} traj2", readout, spokes));
    bart("scale 0.5 traj2 traj");  // twice as many samples as pixels: half a cycle apart
    bart(fmt::format("phantom -k -s {} -t traj clean", coils));
    const at::Tensor clean = array("clean");  // [readout, spokes, coils]
    noise_std_ = 0.001 * clean.abs().max().item<double>();
    const auto noise = [&](const Shape& shape, std::uint32_t step) {
      return noise_std_ * Rng(5, "radial").normal({StreamKey{}}, step, {shape, ScalarKind::complex}, at::kFloat)[0];
    };
    const at::Tensor k = clean + noise({readout, spokes, coils}, 0);
    write_bart(path("k").string(), k.view({1, readout, spokes, coils}));
    const at::Tensor traj = at::real(array("traj"));  // [3, readout, spokes]
    using testing_data::MrdLine;
    std::vector<MrdLine> lines = {{.samples = noise({coils, 4096}, 1)}};
    lines.front().flags = {ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT};
    for (std::int64_t i = 0; i < spokes; ++i) {
      lines.push_back({.samples = k.select(1, i).t(),
                       .step = static_cast<int>(i),
                       .positions = traj.narrow(0, 0, 2).select(2, i).t() / static_cast<double>(size)});
    }
    const testing_data::MrdHeader header{.rows = size, .columns = size, .trajectory = "radial"};
    testing_data::write_mrd(path("radial.h5").string(), header.xml(), lines);
    // The truth: the phantom itself on a fine grid, in the coils' sum of squares, averaged to the pixels.
    bart(fmt::format("phantom -x {} -s {} image", size, coils));
    truth_ = root(array("image").permute({2, 0, 1}));
  }

  static at::Tensor root(const at::Tensor& coil_images) { return coil_images.abs().square().sum(0).sqrt(); }

  at::Tensor truth_;
  double noise_std_ = 0;
};

TEST_F(SlowRadialAgainstBart, PicsIsMatchedOnTheSameFile) {
  make_scan();
  if (HasFatalFailure()) return;
  ASSERT_EQ(recon("import radial.h5 -o m.h5").exit_code, 0);
  // BART's way to maps: the inverse of the NUFFT of the centre, then ecalib.
  bart(fmt::format("nufft -i -d {0}:{0}:1 traj k low", centre + 8));
  bart("fft -u 3 low lowk");
  bart(fmt::format("resize -c 0 {0} 1 {0} lowk kgrid", size));
  bart(fmt::format("ecalib -m1 -r{} kgrid maps", centre));
  const at::Tensor inside = array("maps").permute({2, 0, 1}).abs().square().sum(0) > 0.5;
  const auto figure = [&](const at::Tensor& image) { return psnr_of(image * inside, truth_ * inside); };
  double best_here = 0, best_there = 0;
  for (const double weight : {0.003, 0.01, 0.03, 0.1}) {
    const double spent = seconds(fmt::format("bart pics -l2 -r {} -i 30 -t traj k maps out", weight));
    const at::Tensor theirs = array("out");
    best_there = std::max(best_there, figure(theirs));
    say("pics -l2 -r {}: {:.2f} dB, {:.2f} s of processor time", weight, figure(theirs), spent);
  }
  for (const double weight : {0.001, 0.003, 0.01, 0.03}) {
    const double spent = seconds(
        fmt::format("'{}' run m.h5 -q --force --solver '{{type: tikhonov_cg, penalty: identity, weight: {}}}' -o r.h5",
                    test::program(), weight));
    const at::Tensor ours = read_result_file(path("r.h5").string()).main.reconstructions[0][0];
    best_here = std::max(best_here, figure(ours));
    say("tikhonov_cg, weight {}: {:.2f} dB, {:.2f} s of processor time", weight, figure(ours), spent);
  }
  EXPECT_GT(best_here, best_there - 0.3);
  best_here = best_there = 0;
  double our_seconds = 0, their_seconds = 0;
  for (const double weight : {0.0001, 0.0003, 0.001, 0.003}) {  // -e: steps by the operator's norm
    their_seconds = seconds(fmt::format("bart pics -e -R W:3:0:{} -i 100 -t traj k maps out", weight));
    say("pics -e -R W:3:0:{}: {:.2f} dB, {:.2f} s", weight, figure(array("out")), their_seconds);
    best_there = std::max(best_there, figure(array("out")));
  }
  for (const std::string solver : {"{type: wavelet_fista}", "{type: tv_pdhg}"}) {
    our_seconds = seconds(fmt::format("'{}' run m.h5 -q --force --solver '{}' -o r.h5", test::program(), solver));
    const double psnr = figure(read_result_file(path("r.h5").string()).main.reconstructions[0][0]);
    say("{}: {:.2f} dB, {:.2f} s", solver, psnr, our_seconds);
    best_here = std::max(best_here, psnr);
  }
  say("best of pics' wavelets {:.2f} dB, {:.2f} s each", best_there, their_seconds);
  EXPECT_GT(best_here, best_there - 0.3);
}

}  // namespace
}  // namespace recon
