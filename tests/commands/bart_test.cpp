// Against BART (Debian package bart) on the same files: CG-SENSE, l1-wavelets, ESPIRiT maps, NUFFT, and the time of
// each. The figures are printed; the bounds are those of the project's promise.
#include <algorithm>
#include <chrono>
#include <map>

#include "data/bart_file.h"
#include "data/measurement_file.h"
#include "operators/fourier/fft.h"
#include "operators/mri/gridding.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

/// PSNR in dB of the magnitudes after the best scale, peak = largest of the truth.
double psnr_of(const at::Tensor& image, const at::Tensor& truth) {
  const at::Tensor a = image.abs().to(at::kDouble).flatten(), b = truth.abs().to(at::kDouble).flatten();
  const at::Tensor scaled = a * ((a * b).sum() / a.square().sum());
  const double error = (scaled - b).square().mean().item<double>();
  return 10 * std::log10(std::pow(b.max().item<double>(), 2) / error);
}

class SlowAgainstBart : public ProgramTest {
 protected:
  static constexpr std::int64_t size = 256, coils = 8, centre = 24;

  void SetUp() override {
    ProgramTest::SetUp();
    if (shell("which bart").exit_code != 0) GTEST_SKIP() << "no bart: apt-get install bart";
  }

  void bart(const std::string& arguments) const {
    const Outputs got = shell("bart " + arguments);
    ASSERT_EQ(got.exit_code, 0) << arguments << got.out << got.err;
  }
  at::Tensor array(const std::string& name) const { return read_bart(path(name).string()).squeeze(); }

  /// The shortest of three wall times in seconds.
  double seconds(const std::string& command) const {
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const Outputs got = shell(command);
      EXPECT_EQ(got.exit_code, 0) << command << got.err;
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  }

  /// Phantom of 8 coils: `full` without noise, `k` noisy and every second column only, `maps` by ecalib from `k`.
  void make_data() {
    bart(fmt::format("phantom -x {} -s {} -k full", size, coils));
    const at::Tensor full = array("full");  // [H, W, coils]
    const double peak = fft2_centred(full.permute({2, 0, 1})).abs().max().item<double>();
    noise_std_ = 0.005 * peak;
    const at::Tensor noise =
        Rng(5, "bart_test").normal({StreamKey{}}, 0, {{size, size, coils}, Field::complex}, at::kFloat)[0];
    const at::Tensor column = at::arange(size);
    const at::Tensor kept = (column % 2 == 0).logical_or((column - size / 2).abs() <= centre / 2).to(at::kFloat);
    const at::Tensor kspace = (full + noise * noise_std_) * kept.view({1, size, 1});
    write_bart(path("k").string(), kspace.view({size, size, 1, coils}));
    bart(fmt::format("ecalib -m1 -r{} k maps", centre));
    const at::Tensor maps = array("maps").permute({2, 0, 1});
    truth_ = (maps.conj() * ifft2_centred(full.permute({2, 0, 1}))).sum(0);
    inside_ = maps.abs().square().sum(0) > 0.5;
    truth_ = truth_ * inside_;
  }

  /// The import of `k` with BART's maps, noise of the known level.
  void import_with_barts_maps() {
    const Outputs got = recon("import k -o m.h5 --set noise=none --set coil_maps=file --set maps_file=maps");
    ASSERT_EQ(got.exit_code, 0) << got.err;
    const at::Tensor y = MeasurementFile::open(path("m.h5").string()).item(0).y;
    white_ = array("k").abs().max().item<double>() / y.abs().max().item<double>();
  }

  std::string run(const std::string& solver) const {
    return fmt::format(
        "'{}' run m.h5 -q --set 'solver={}' --set noise_std={} --set output=r.h5 && '{}' export r.h5 -o r.cfl",
        RECON_PROGRAM, solver, noise_std_ / white_, RECON_PROGRAM);
  }
  double psnr_here(const std::string& solver) const {
    EXPECT_EQ(shell(run(solver)).exit_code, 0) << solver;
    return psnr_of(array("r") * inside_, truth_);
  }
  double psnr_bart(const std::string& options) const {
    bart("pics -w 1 " + options + " k maps out");
    return psnr_of(array("out") * inside_, truth_);
  }

  at::Tensor truth_, inside_;
  double noise_std_ = 0, white_ = 1;
};

TEST_F(SlowAgainstBart, CgSenseIsTheSame) {
  make_data();
  import_with_barts_maps();
  for (const double weight : {0.001, 0.01, 0.1}) {
    const double here = psnr_here(fmt::format("{{type: tikhonov_cg, penalty: identity, weight: {}}}", weight));
    const double there = psnr_bart(fmt::format("-l2 -r {} -i 100", weight));
    fmt::print("CG-SENSE, weight {}: recon {:.2f} dB, bart {:.2f} dB\n", weight, here, there);
    EXPECT_NEAR(here, there, 0.3) << weight;
  }
  const double here = seconds(run("{type: tikhonov_cg, penalty: identity, weight: 0.01}"));
  const double there = seconds("bart pics -w 1 -l2 -r 0.01 -i 30 k maps out");
  fmt::print("CG-SENSE time: recon {:.2f} s, bart (30 iterations) {:.2f} s, ratio {:.2f}\n", here, there, here / there);
}

TEST_F(SlowAgainstBart, WaveletsReachBartsBest) {
  make_data();
  import_with_barts_maps();
  double best = -1e9, best_weight = 0;
  for (const double factor : {0.25, 0.5, 1.0, 2.0, 4.0, 8.0}) {
    const double there = psnr_bart(fmt::format("-R W:3:0:{} -i 100", factor * noise_std_));
    fmt::print("wavelets: bart with {} noise std {:.2f} dB\n", factor, there);
    if (there > best) best_weight = factor * noise_std_;
    best = std::max(best, there);
  }
  double here = -1e9, here_weight = 0;
  for (const double factor : {0.25, 0.5, 1.0, 2.0, 4.0, 8.0}) {
    // The solver's unit of the image is half of the file's range.
    const double weight = factor * noise_std_ / white_ * 2;
    const double found = psnr_here(fmt::format("{{type: wavelet_fista, weight: {}, max_iterations: 100}}", weight));
    fmt::print("wavelets: recon with {} noise std {:.2f} dB\n", factor, found);
    if (found > here) here_weight = weight;
    here = std::max(here, found);
  }
  const double automatic = psnr_here("{type: wavelet_fista}");
  const double time_here =
      seconds(run(fmt::format("{{type: wavelet_fista, weight: {}, max_iterations: 100}}", here_weight)));
  const double time_orthonormal = seconds(
      run(fmt::format("{{type: wavelet_fista, undecimated: false, weight: {}, max_iterations: 100}}", here_weight)));
  const double time_there = seconds(fmt::format("bart pics -w 1 -R W:3:0:{} -i 100 k maps out", best_weight));
  fmt::print(
      "wavelets, best weight of each: recon {:.2f} dB (weight found by chi2: {:.2f}), bart {:.2f} dB; time recon "
      "{:.2f} s "
      "(orthonormal {:.2f} s), bart {:.2f} s, ratio {:.2f} ({:.2f})\n",
      here, automatic, best, time_here, time_orthonormal, time_there, time_here / time_there,
      time_orthonormal / time_there);
  EXPECT_GT(here, best - 0.3);
}

TEST_F(SlowAgainstBart, EspiritMapsAreEcalibs) {
  make_data();
  ASSERT_EQ(recon("import k -o own.h5 --set noise=none --set estimation.crop=0.8").exit_code, 0);
  const at::Tensor own = MeasurementFile::open(path("own.h5").string()).item(0).arrays.at("coil_maps");
  const at::Tensor theirs = array("maps").permute({2, 0, 1});
  const at::Tensor energy = own.abs().square().sum(0), their_energy = theirs.abs().square().sum(0);
  const at::Tensor both = (energy > 0.5).logical_and(their_energy > 0.5);
  const at::Tensor cosine =
      ((own.conj() * theirs).sum(0).abs() / (energy * their_energy).sqrt().clamp_min(1e-6)).masked_select(both);
  const at::Tensor differing = (energy > 0.5) != (their_energy > 0.5);
  fmt::print(
      "ESPIRiT against ecalib: cosine mean {:.6f}, least {:.6f}; in {:.2f} % of the pixels only one sees an image\n",
      cosine.mean().item<double>(), cosine.min().item<double>(), 100 * differing.to(at::kDouble).mean().item<double>());
  EXPECT_GT(cosine.mean().item<double>(), 0.9999);
  EXPECT_GT(cosine.min().item<double>(), 0.99);
  EXPECT_LT(differing.to(at::kDouble).mean().item<double>(), 0.02);
  const double here =
      seconds(fmt::format("'{}' import k -q -o own.h5 --set noise=none --set estimation.crop=0.8", RECON_PROGRAM));
  const double there = seconds("bart ecalib -m1 -r24 k maps");
  fmt::print("ESPIRiT time: recon import {:.2f} s, bart ecalib {:.2f} s, ratio {:.2f}\n", here, there, here / there);
}

TEST_F(SlowAgainstBart, NufftIsFasterAtItsAccuracy) {
  constexpr std::int64_t spokes = 256, readout = 512;
  bart(fmt::format("phantom -x {} -s {} image", size, coils));
  bart(fmt::format("traj -r -x {} -y {} traj2", readout, spokes));
  bart("scale 0.5 traj2 traj");  // twice as many samples as pixels: half a cycle apart
  bart("nufft -s traj image exact");
  bart("nufft traj image there");
  const at::Tensor positions = at::real(read_bart(path("traj").string())).reshape({3, -1}).narrow(0, 0, 2).t();
  const at::Tensor image = array("image").permute({2, 0, 1}).contiguous();
  const auto in_order = [&](const at::Tensor& data) { return data.reshape({-1, coils}).t(); };
  const at::Tensor exact = in_order(array("exact"));
  const auto error_of = [&](const at::Tensor& y) {
    const at::Tensor scale = (y.conj() * exact).sum() / y.abs().square().sum();
    return std::sqrt(((y * scale - exact).abs().square().sum() / exact.abs().square().sum()).item<double>());
  };
  const double their_seconds = seconds("bart nufft traj image there"), their_error = error_of(in_order(array("there")));
  for (const double accuracy : {1e-3, 1e-4, 1e-5}) {
    double best = 1e9, error = 0;
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const Gridding gridding({size, size}, positions.to(at::kDouble), accuracy, 2);
      const at::Tensor y = gridding.apply(image);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      error = error_of(y);
    }
    fmt::print(
        "nufft at {:g}: recon {:.3f} s with error {:.2g}; bart {:.3f} s (process) with error {:.2g}; ratio {:.2f}\n",
        accuracy, best, error, their_seconds, their_error, best / their_seconds);
    EXPECT_LT(error, accuracy + 1e-5);  // the direct sum is in single precision itself
  }
}

}  // namespace
}  // namespace recon
