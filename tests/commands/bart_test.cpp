// Against BART (Debian package bart) on the same data, BART's own phantom and that of the ISMRMRD project: CG-SENSE,
// l1-wavelets, ESPIRiT maps, NUFFT, and the time of each. The figures are printed; the bounds are those of the
// project's promise.
#include <ismrmrd/dataset.h>

#include <algorithm>
#include <ctime>

#include "data/measurement_file.h"
#include "data/result_file.h"
#include "operators/fourier/fft.h"
#include "operators/mri/gridding.h"
#include "recon/core/rng.h"
#include "tests/commands/bart_support.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

/// exp(-2 pi i k r / n) for positions k and pixels r - n / 2, [samples, n].
at::Tensor phases(const at::Tensor& k, std::int64_t n) {
  const at::Tensor r = at::arange(n, at::kDouble) - static_cast<double>(n / 2);
  const at::Tensor angle = k.unsqueeze(1) * r * (-2 * M_PI / static_cast<double>(n));
  return at::polar(at::ones_like(angle), angle);
}

/// The sum over all pixels of x [H, W] at positions [samples, 2].
at::Tensor direct(const at::Tensor& x, const at::Tensor& positions) {
  const at::Tensor rows = phases(positions.select(1, 0), x.size(0)),
                   columns = phases(positions.select(1, 1), x.size(1));
  return (at::matmul(rows, x) * columns).sum(1);
}

class AgainstBart : public BartTest, public testing::WithParamInterface<std::string> {
 protected:
  /// The phantom of that name in 8 coils: `full` without noise, `k` noisy and every second column only, both for BART;
  /// `source_` is what recon imports. `maps` by ecalib from `k`.
  void make_data() {
    GetParam() == "bart" ? make_barts_data() : make_ismrmrd_data();
    if (IsSkipped() || HasFatalFailure()) return;
    const at::Tensor full = array("full").permute({2, 0, 1}), k = array("k").permute({2, 0, 1});
    const at::Tensor noise = (k - full).masked_select(k.abs() > 0);
    noise_std_ = std::sqrt(noise.abs().square().mean().item<double>() / 2);
    bart(fmt::format("ecalib -m1 -r{} k maps", centre));
    const at::Tensor maps = array("maps").permute({2, 0, 1});
    inside_ = maps.abs().square().sum(0) > 0.5;
    truth_ = (maps.conj() * ifft2_centred(full)).sum(0) * inside_;
  }

  void make_barts_data() {
    source_ = "k";
    bart(fmt::format("phantom -x {} -s {} -k full", size, coils));
    const at::Tensor full = array("full");  // [H, W, coils]
    const double peak = fft2_centred(full.permute({2, 0, 1})).abs().max().item<double>();
    const at::Tensor noise =
        Rng(5, "bart_test").normal({StreamKey{}}, 0, {{size, size, coils}, ScalarKind::complex}, at::kFloat)[0];
    const at::Tensor column = at::arange(size);
    const at::Tensor kept = (column % 2 == 0).logical_or((column - size / 2).abs() <= centre / 2).to(at::kFloat);
    const at::Tensor kspace = (full + noise * 0.005 * peak) * kept.view({1, size, 1});
    write_bart(path("k").string(), kspace.view({size, size, 1, coils}));
  }

  /// Readouts of twice the samples; BART takes the oversampling away by its own tools.
  void make_ismrmrd_data() {
    if (shell("which ismrmrd_generate_cartesian_shepp_logan").exit_code != 0) {
      GTEST_SKIP() << "no ismrmrd_generate_cartesian_shepp_logan: apt-get install ismrmrd-tools";
    }
    source_ = "raw.h5";
    const std::string common = fmt::format("-m {} -c {} -O 2", size, coils);
    for (const auto& [file, name, options] :
         {std::array{"full.h5", "full", "-n 0"}, std::array{"raw.h5", "k", "-a 2 -w 24 -n 0.005"}}) {
      const Outputs got =
          shell(fmt::format("ismrmrd_generate_cartesian_shepp_logan {} -o {} {}", common, file, options));
      ASSERT_EQ(got.exit_code, 0) << got.err;
      write_bart(path("oversampled").string(), acquisitions_of(path(file).string()));
      bart("fft -u -i 1 oversampled lines");
      bart(fmt::format("resize -c 0 {} lines cut", size));
      bart(fmt::format("fft -u 1 cut {}", name));
    }
  }

  /// Readout samples by phase encoding step, as they lie in the file, of the first repetition (the second has the other
  /// lines): [2 H, W, 1, coils].
  static at::Tensor acquisitions_of(const std::string& file) {
    ISMRMRD::Dataset data(file.c_str(), "dataset", false);
    at::Tensor kspace = at::zeros({2 * size, size, 1, coils}, at::kComplexFloat);
    for (std::uint32_t i = 0; i < data.getNumberOfAcquisitions(); ++i) {
      ISMRMRD::Acquisition acquisition;
      data.readAcquisition(i, acquisition);
      if (acquisition.idx().repetition != 0) continue;
      const at::Tensor samples =
          at::from_blob(acquisition.getDataPtr(), {acquisition.active_channels(), acquisition.number_of_samples()},
                        at::kComplexFloat);
      kspace.select(1, acquisition.idx().kspace_encode_step_1).select(1, 0).copy_(samples.t());
    }
    return kspace;
  }

  /// The import of the source with BART's maps, noise of the known level.
  void import_with_barts_maps() {
    const Outputs got = recon(
        fmt::format("import {} --force -o m.h5 --set noise=none --set coil_maps=file --set maps_file=maps", source_));
    ASSERT_EQ(got.exit_code, 0) << got.err;
    const at::Tensor y = MeasurementFile::open(path("m.h5").string()).item(0).y;
    white_ = array("k").abs().max().item<double>() / y.abs().max().item<double>();
  }

  struct Figures {
    double psnr = 0, seconds = 0;
  };
  Figures here(const std::string& solver) const {
    const std::string first = MeasurementFile::open(path("m.h5").string()).ids().front();
    const double spent = seconds(
        fmt::format(
            "'{}' run m.h5 -q --force --set 'solver={}' --set 'items=[{}]' --set noise_std={} --set output=r.h5",
            test::program(), solver, first, noise_std_ / white_),
        1);  // 1: a weight that the data contradict
    return {psnr_of(read_result_file(path("r.h5").string()).main.reconstructions[0][0] * inside_, truth_), spent};
  }
  Figures there(const std::string& options) const {
    const double spent = seconds("bart pics -w 1 " + options + " k maps out");
    return {psnr_of(array("out") * inside_, truth_), spent};
  }

  std::string source_;
  at::Tensor truth_, inside_;
  double noise_std_ = 0, white_ = 1;
};

TEST_P(AgainstBart, CgSenseIsTheSame) {
  make_data();
  if (IsSkipped() || HasFatalFailure()) return;
  import_with_barts_maps();
  for (const double weight : {0.01, 0.1}) {
    const Figures ours = here(fmt::format("{{type: tikhonov_cg, penalty: identity, weight: {}}}", weight));
    const Figures theirs = there(fmt::format("-l2 -r {} -i 100", weight));
    say("CG-SENSE, weight {}: recon {:.2f} dB, {:.2f} s; bart {:.2f} dB, {:.2f} s; time ratio {:.2f}", weight,
        ours.psnr, ours.seconds, theirs.psnr, theirs.seconds, ours.seconds / theirs.seconds);
    EXPECT_NEAR(ours.psnr, theirs.psnr, 0.3) << weight;
  }
}

TEST_P(AgainstBart, WaveletsReachBartsBest) {
  make_data();
  if (IsSkipped() || HasFatalFailure()) return;
  import_with_barts_maps();
  Figures best_here{-1e9}, best_there{-1e9};
  for (const double factor : {0.5, 1.0, 2.0}) {
    const Figures theirs = there(fmt::format("-R W:3:0:{} -i 100", factor * noise_std_));
    // The solver's unit of the image is half of the file's range.
    const double weight = factor * noise_std_ / white_ * 2;
    const Figures ours = here(fmt::format("{{type: wavelet_fista, weight: {}, max_iterations: 100}}", weight));
    say("wavelets, weight of {} noise std: recon {:.2f} dB, {:.2f} s; bart {:.2f} dB, {:.2f} s", factor, ours.psnr,
        ours.seconds, theirs.psnr, theirs.seconds);
    if (ours.psnr > best_here.psnr) best_here = ours;
    if (theirs.psnr > best_there.psnr) best_there = theirs;
  }
  const Figures found = here("{type: wavelet_fista}");
  say("wavelets, best weight: recon {:.2f} dB (weight by chi2: {:.2f}), bart {:.2f} dB; time ratio {:.2f}",
      best_here.psnr, found.psnr, best_there.psnr, best_here.seconds / best_there.seconds);
  EXPECT_GT(best_here.psnr, best_there.psnr - 0.3);
}

TEST_P(AgainstBart, EspiritMapsAreEcalibs) {
  make_data();
  if (IsSkipped() || HasFatalFailure()) return;
  const std::string import = fmt::format("import {} -o own.h5 --set noise=none --set estimation.crop=0.8", source_);
  ASSERT_EQ(recon(import).exit_code, 0);
  const at::Tensor own = MeasurementFile::open(path("own.h5").string()).item(0).arrays.at("coil_maps");
  const at::Tensor theirs = array("maps").permute({2, 0, 1});
  const at::Tensor energy = own.abs().square().sum(0), their_energy = theirs.abs().square().sum(0);
  const at::Tensor both = (energy > 0.5).logical_and(their_energy > 0.5);
  const at::Tensor cosines = (own.conj() * theirs).sum(0).abs() / (energy * their_energy).sqrt().clamp_min(1e-6);
  const at::Tensor everywhere = cosines.masked_select(both);
  const at::Tensor seen = both.logical_and(truth_.abs() > 0.05 * truth_.abs().max());
  const at::Tensor cosine = cosines.masked_select(seen);
  const double least = std::get<0>(cosine.sort())[cosine.size(0) / 100].item<double>();
  const double differing = ((energy > 0.5) != (their_energy > 0.5)).to(at::kDouble).mean().item<double>();
  const double lacking = ((energy <= 0.5).logical_and(their_energy > 0.5)).to(at::kDouble).mean().item<double>();
  say("ESPIRiT against ecalib: cosine mean {:.6f}, 1 % quantile {:.6f}, least {:.6f} where there is signal; mean "
      "{:.6f} where "
      "both have maps; in {:.2f} % of the pixels only one has",
      cosine.mean().item<double>(), least, cosine.min().item<double>(), everywhere.mean().item<double>(),
      100 * differing);
  EXPECT_GT(cosine.mean().item<double>(), 0.999);
  EXPECT_GT(least, 0.99);
  EXPECT_LT(lacking, 0.005);
  // Maps of raw files are found before the oversampling is cut: a block then spans half as much of k-space along the
  // readout, sees less of the noise, and its eigenvalue falls below the crop in fewer pixels of the background.
  if (GetParam() == "bart") {
    EXPECT_LT(differing, 0.02);
  }
  const double ours = seconds(fmt::format("'{}' {} -q --force", test::program(), import));
  const double theirs_spent = seconds("bart ecalib -m1 -r24 k maps");
  say("ESPIRiT time: recon import {:.2f} s, bart ecalib {:.2f} s, ratio {:.2f}", ours, theirs_spent,
      ours / theirs_spent);
}

INSTANTIATE_TEST_SUITE_P(Slow, AgainstBart, testing::Values("bart", "ismrmrd"),
                         [](const auto& chosen) { return chosen.param; });

class SlowAgainstBart : public BartTest {};

TEST_F(SlowAgainstBart, NufftHasItsAccuracy) {
  constexpr std::int64_t spokes = 256, readout = 256;
  bart(fmt::format("phantom -x {} -s {} image", size, coils));
  bart(fmt::format("traj -r -x {} -y {} traj2", readout, spokes));
  bart("scale 0.5 traj2 traj");  // twice as many samples as pixels: half a cycle apart
  const at::Tensor positions = at::real(read_bart(path("traj").string())).reshape({3, -1}).narrow(0, 0, 2).t();
  const at::Tensor image = array("image").permute({2, 0, 1}).contiguous();
  const auto in_order = [&](const at::Tensor& data) { return data.reshape({-1, coils}).t(); };
  const at::Tensor exact = direct(image[0].to(at::kComplexDouble), positions.to(at::kDouble));
  const auto error_of = [&](const at::Tensor& coils_data) {
    const at::Tensor y = coils_data[0].to(at::kComplexDouble);
    const at::Tensor scale = (y.conj() * exact).sum() / y.abs().square().sum();
    return std::sqrt(((y * scale - exact).abs().square().sum() / exact.abs().square().sum()).item<double>());
  };
  const double their_seconds = seconds("bart nufft traj image there"), their_error = error_of(in_order(array("there")));
  for (const double accuracy : {1e-3, 1e-4, 1e-5}) {
    const double before = static_cast<double>(std::clock());
    const Gridding gridding({size, size}, positions.to(at::kDouble), accuracy, 2);
    const at::Tensor y = gridding.apply(image);
    const double spent = (static_cast<double>(std::clock()) - before) / CLOCKS_PER_SEC, error = error_of(y);
    say("nufft at {:g}: recon {:.3f} s with error {:.2g}; bart {:.3f} s (process) with error {:.2g}; ratio {:.2f}",
        accuracy, spent, error, their_seconds, their_error, spent / their_seconds);
    EXPECT_LT(error, accuracy);
  }
}

}  // namespace
}  // namespace recon
