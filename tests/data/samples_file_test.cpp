#include "data/samples_file.h"

#include "data/result_file.h"
#include "recon/core/rng.h"
#include "tests/data/data_support.h"

namespace recon {
namespace {

using namespace testing_data;

class SamplesFile : public DataTest {};

SampleSet some_samples() {
  SampleSet set;
  set.samples = Rng(1, "samples").normal({{0, 0}, {0, 1}}, 0, {{1, 4, 6}, ScalarKind::real}, at::kFloat);
  set.range = {-1, 1};
  set.status = {"finished", "diverged"};
  set.sampler = "ddim";
  set.nfe = 50;
  set.config = "prior: \"x\"\n";
  set.seed = 18446744073709551615ULL;
  set.versions = {{"recon", "0"}};
  set.prior = "x";
  set.prior_hash = "sha256:0";
  return set;
}

TEST_F(SamplesFile, ComesBackBitForBit) {
  const SampleSet set = some_samples();
  write_samples_file(path("s.h5"), set);
  const SampleSet got = read_samples_file(path("s.h5"));
  EXPECT_TRUE(at::equal(got.samples, set.samples));
  EXPECT_EQ(got.range.low, -1);
  EXPECT_EQ(got.status, set.status);
  EXPECT_EQ(got.sampler, set.sampler);
  EXPECT_EQ(got.nfe, set.nfe);
  EXPECT_EQ(got.config, set.config);
  EXPECT_EQ(got.seed, set.seed);
  EXPECT_EQ(got.versions, set.versions);
  EXPECT_EQ(got.prior_hash, set.prior_hash);
  EXPECT_EQ(hdf5_format(path("s.h5")), "recon-samples");
}

TEST_F(SamplesFile, RefusesWhatItIsNot) {
  SampleSet set = some_samples();
  set.status.pop_back();
  EXPECT_THROW(write_samples_file(path("s.h5"), set), Error);
  auto file = hdf5::File::create(path("other.h5"));
  file.set_attribute("format", "recon-result");
  file.set_attribute("version", std::uint64_t{1});
  file.close();
  EXPECT_THROW(read_samples_file(path("other.h5")), Error);
}

}  // namespace
}  // namespace recon
