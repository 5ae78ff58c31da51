// recon sample: what it writes, that it repeats itself, and how it says no.
#include <csignal>

#include "data/samples_file.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class Sample : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    write("s.yaml", "sampler: {type: dpmpp_2m, steps: 3}\nsamples: 5\nsize: [16, 24]\noutput: s.h5\n");
  }
  SampleSet drawn(const std::string& arguments) const {
    const Outputs got = recon("sample --force s.yaml " + arguments);
    EXPECT_EQ(got.exit_code, 0) << got.err;
    return read_samples_file(path("s.h5").string());
  }
};

TEST_F(Sample, TheFileSaysWhatMadeIt) {
  const Outputs got = recon("sample --force s.yaml --json --set grid=grid.png --set trajectory=way.png --seed 7");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto report = got.json();
  EXPECT_EQ(report["samples"], 5);
  EXPECT_EQ(report["nfe"], 3);
  EXPECT_EQ(report["diverged"], 0);
  const SampleSet set = read_samples_file(path("s.h5").string());
  EXPECT_EQ(set.samples.sizes(), (at::IntArrayRef{5, 1, 16, 24}));
  EXPECT_EQ(set.range.low, -1);
  EXPECT_EQ(set.seed, 7U);
  EXPECT_EQ(set.sampler, "dpmpp_2m");
  EXPECT_EQ(set.nfe, 3);
  EXPECT_EQ(set.prior, "natural_gray");
  EXPECT_TRUE(set.prior_hash.starts_with("sha256:"));
  EXPECT_TRUE(contains(set.config, "uniform_log_snr")) << "defaults are resolved";
  EXPECT_TRUE(fs::exists(path("grid.png")) && fs::exists(path("way.png")));
  const auto inspected = recon("inspect s.h5 --json").json();
  EXPECT_EQ(inspected["kind"], "samples");
  EXPECT_EQ(inspected["shape"], "[5, 1, 16, 24]");
  EXPECT_EQ(inspected["nfe"], 3);
}

TEST_F(Sample, DependsOnTheSeedAndNotOnTheBatch) {
  const at::Tensor all = drawn("").samples;
  EXPECT_TRUE(at::equal(all, drawn("").samples));
  // The network's sums may be ordered otherwise for another batch: float32 epsilon, sums of a thousand terms, r = 30.
  EXPECT_LT((all - drawn("--set batch=2").samples).abs().max().item<double>(), 1e-4);
  EXPECT_LT((all - drawn("--set batch=1 --threads 1").samples).abs().max().item<double>(), 1e-4);
  EXPECT_LT((all.narrow(0, 0, 2) - drawn("--set samples=2").samples).abs().max().item<double>(), 1e-4);
  EXPECT_GT((all - drawn("--seed 3").samples).abs().max().item<double>(), 0.1);
}

TEST_F(Sample, EverySamplerDrawsWithAPrior) {
  const auto list = recon("list samplers --json").json()["samplers"];
  EXPECT_GE(list.size(), 11U);
  for (const auto& entry : list) {
    const std::string name = entry["name"];
    EXPECT_FALSE(entry["network_passes"].get<std::string>().empty());
    const SampleSet set = drawn("--set 'sampler={type: " + name + ", steps: 2}' --set samples=1");
    EXPECT_EQ(set.sampler, name);
    EXPECT_TRUE(at::isfinite(set.samples).all().item<bool>()) << name;
    EXPECT_EQ(set.status.front(), "finished") << name;
  }
}

TEST_F(Sample, FaultsSayWhatToDo) {
  expect_error("sample", 2, {"CONFIG"});
  expect_error("sample s.yaml --set sampler.type=dimm", 2, {"unknown sampler 'dimm'; did you mean 'ddim'?"});
  expect_error("sample s.yaml --set sampler.stesp=3", 2, {"unknown key 'stesp' in sampler; did you mean 'steps'?"});
  expect_error("sample s.yaml --set sampler.process=vp_liner", 2, {"process", "did you mean 'vp_linear'?"});
  expect_error("sample s.yaml --set sampler.steps=0", 2, {"steps: expected a whole number >= 1"});
  expect_error("sample s.yaml --set size=[16]", 2, {"size: expected [height, width]"});
  expect_error("sample s.yaml --set size=[16,23]", 2, {"prior natural_gray", "multiples of", "[16, 23]"});
  expect_error("sample s.yaml --set prior=natural_grey", 2, {"natural_grey", "natural_gray"});
  expect_error("sample s.yaml --set 'sampler={type: ddpm, variance: learned_range}'", 2,
               {"prior natural_gray", "no learned variance", "fixed_small"});
  expect_error("sample s.yaml --set output=missing/s.h5", 3, {"missing/s.h5"});
  EXPECT_FALSE(fs::exists(path("s.h5")));
}

TEST_F(Sample, AnInterruptionKeepsTheBatchesThatAreDone) {
  const std::string arguments =
      "sample s.yaml --json --threads 1 --set samples=20000 --set batch=1 --set sampler.steps=6 --set size=[32,32]";
  // A slow machine may not have drawn one after the first seconds.
  std::int64_t count = 0;
  for (int seconds = 2; count == 0 && seconds <= 64; seconds *= 2) {
    const Outputs got =
        shell(fmt::format("timeout --preserve-status -s INT {} '{}' {}", seconds, test::program(), arguments));
    if (got.exit_code == 130) continue;  // before the program listened
    ASSERT_EQ(got.exit_code, 1) << got.err;
    EXPECT_TRUE(contains(got.err, "interrupted"));
    count = got.json()["samples"].get<std::int64_t>();
  }
  EXPECT_GT(count, 0);
  EXPECT_LT(count, 20000);
  EXPECT_EQ(read_samples_file(path("s.h5").string()).samples.size(0), count);
}

}  // namespace
}  // namespace recon
