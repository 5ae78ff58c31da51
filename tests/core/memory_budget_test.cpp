#include "recon/core/memory_budget.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "recon/core/error.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

/// A section of a config that has the option `memory` with that value, or none.
class Given final : public ParameterVisitor {
 public:
  explicit Given(std::string value) : value_(std::move(value)) {}
  void visit(const Parameter& parameter) override { *std::get<std::string*>(parameter.value) = value_; }
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char*, const char*) override { return {}; }
  std::string location() const override { return "run.yaml:3"; }

 private:
  std::string value_;
};

std::int64_t bytes_of(const std::string& text) {
  Given section(text);
  MemoryBudget budget;
  budget.visit(section);
  return budget.bytes();
}

TEST(MemoryBudget, IsANumberWithAUnit) {
  EXPECT_EQ(bytes_of("4 GiB"), std::int64_t{4} << 30);
  EXPECT_EQ(bytes_of("4GiB"), std::int64_t{4} << 30);
  EXPECT_EQ(bytes_of("1.5 MiB"), 3 << 19);
  EXPECT_EQ(bytes_of("2 TB"), 2'000'000'000'000);
}

TEST(MemoryBudget, RefusesWhatIsNone) {
  for (const char* text :
       {"4", "GiB", "-4 GiB", "0 GiB", "4 GiB!", "4 gigs", "4 GiB 2", "", "inf GiB", "nan GiB", "1e30 GiB"}) {
    try {
      bytes_of(text);
      ADD_FAILURE() << "took '" << text << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      test::expect_says(error.what(), {"run.yaml:3", "'memory'", "auto", "GiB", std::string("got '") + text + "'"});
    }
  }
}

TEST(MemoryBudget, OfItselfIsAShareOfTheMachine) {
  const std::int64_t alone = bytes_of("auto");
  EXPECT_GT(alone, std::int64_t{64} << 20);
  EXPECT_EQ(MemoryBudget{}.bytes(4), alone / 4);
  EXPECT_EQ(MemoryBudget{.text = "4 GiB"}.bytes(4), std::int64_t{4} << 30) << "what is said is of each process";
}

}  // namespace
}  // namespace recon
