#include "data/result_writer.h"

#include <sys/wait.h>
#include <unistd.h>

#include "data/claim_file.h"
#include "tests/data/data_support.h"
#include "tests/support/random.h"

namespace recon {
namespace {

using namespace testing_data;

class ResultWriting : public DataTest {};

SolverResults piece(std::int64_t count, const at::TensorOptions& options) {
  SolverResults rows;
  rows.solver = "dps";
  rows.reconstructions = test::uniform({count, 1, 6, 5}, c10::typeMetaToScalarType(options.dtype()));
  const auto n = static_cast<std::size_t>(count);
  rows.chi2.assign(n, 0.5);
  rows.status.assign(n, "finished");
  rows.nfe_forward.assign(n, 7);
  rows.error.assign(n, "");
  return rows;
}

TEST_F(ResultWriting, PiecesBecomeTheFileThatIsWrittenAtOnce) {
  for (const auto dtype : {at::kFloat, at::kComplexFloat}) {
    SolverResults a = piece(2, dtype), b = piece(3, dtype), c = piece(1, dtype);
    b.std = test::uniform({3, 1, 6, 5});
    b.metrics["psnr"] = {20, 21, 22};
    c.error = {"its data are damaged"};
    ResultSet header;
    header.ids = {"a", "b", "c", "d", "e", "f"};
    header.range = {0, 2};
    header.manifest = "{}";
    header.inputs = {{.name = "m", .hash = "sha256:1", .operator_config = "type: blur\n", .operator_hash = "sha256:2"}};
    for (const std::int64_t compression : {0, 4}) {
      ResultWriter writer(path("w.h5"), header, compression);
      for (const auto* rows : {&a, &b, &c}) writer.add(*rows);
      EXPECT_THROW(writer.add(c), Error) << "there are only six items";
      writer.close();
      const ResultSet read = read_result_file(path("w.h5"));
      EXPECT_TRUE(
          same_bits(read.main.reconstructions, at::cat({a.reconstructions, b.reconstructions, c.reconstructions})));
      EXPECT_TRUE(read.main.std.slice(0, 0, 2).isnan().all().item<bool>()) << "of items that nobody wrote";
      EXPECT_TRUE(same_bits(read.main.std.slice(0, 2, 5), b.std));
      EXPECT_TRUE(read.main.std[5].isnan().all().item<bool>());
      EXPECT_EQ(read.main.error.back(), "its data are damaged");
      EXPECT_EQ(read.main.metrics.at("psnr")[3], 21);
      EXPECT_TRUE(std::isnan(read.main.metrics.at("psnr")[0]) && std::isnan(read.main.metrics.at("psnr")[5]));
      EXPECT_EQ(read.inputs, header.inputs);
      EXPECT_EQ(read.manifest, "{}");
      const SolverResults some = ResultFile::open(path("w.h5")).rows(1, 2);
      EXPECT_TRUE(same_bits(some.reconstructions, read.main.reconstructions.slice(0, 1, 3).contiguous()));
      EXPECT_EQ(some.status.size(), 2U);
    }
  }
}

TEST_F(ResultWriting, SmoothImagesBecomeSmallAndDamageIsNoticed) {
  SolverResults rows = piece(8, at::kFloat);
  rows.reconstructions = at::linspace(0, 1, 8 * 64 * 64).view({8, 1, 64, 64}).contiguous();
  ResultSet header;
  header.ids = {"0", "1", "2", "3", "4", "5", "6", "7"};
  const auto size = [&](std::int64_t compression) {
    ResultWriter writer(path("w.h5"), header, compression);
    writer.add(rows);
    writer.close();
    return std::filesystem::file_size(path("w.h5"));
  };
  EXPECT_LT(size(4), size(0) / 2);
  size(0);
  std::string bytes = file_bytes(path("w.h5"));
  const std::string row(static_cast<const char*>(rows.reconstructions[3].const_data_ptr()), 64);
  const std::size_t location = bytes.find(row);
  ASSERT_NE(location, std::string::npos);
  bytes[location + 5] = static_cast<char>(bytes[location + 5] ^ 1);
  write_file_atomically(path("w.h5"), bytes);
  EXPECT_THROW(read_result_file(path("w.h5")), Error) << "a flipped bit in the numbers";
}

/// What a process of its own says: true when it got the claim.
bool other_process_claims(const std::string& file, std::int64_t number) {
  const pid_t child = ::fork();
  if (child == 0) {
    ClaimFile claims(file);
    ::_exit(claims.try_claim(number) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(ResultWriting, AClaimExcludesOthersAndEndsWithItsProcess) {
  ClaimFile claims(path("claims"));
  EXPECT_TRUE(claims.try_claim(5));
  EXPECT_FALSE(other_process_claims(path("claims"), 5));
  EXPECT_TRUE(other_process_claims(path("claims"), 6));
  EXPECT_TRUE(claims.try_claim(6)) << "the one who held it has ended";
  claims.release(5);
  EXPECT_TRUE(other_process_claims(path("claims"), 5));
  EXPECT_TRUE(claims.try_share(7));
  EXPECT_FALSE(other_process_claims(path("claims"), 7));
  EXPECT_TRUE(claims.is_in_place());
  std::filesystem::remove(path("claims"));
  EXPECT_FALSE(claims.is_in_place());
  const ClaimFile again(path("claims"));
  EXPECT_FALSE(claims.is_in_place());
  EXPECT_THROW(ClaimFile(path("no/claims")), Error);
}

}  // namespace
}  // namespace recon
