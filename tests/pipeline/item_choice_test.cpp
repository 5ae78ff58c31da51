#include "recon/pipeline/items/item_choice.h"

#include <gtest/gtest.h>

#include "tests/support/faults.h"

namespace recon {
namespace {

using Positions = std::vector<std::int64_t>;

Positions chosen(const std::vector<std::string>& ids, const std::vector<std::string>& wanted) {
  return chosen_items(ids, wanted, "m.h5");
}

TEST(ItemChoice, WordsAreIdsPositionsAndRanges) {
  const std::vector<std::string> ids = {"a", "b", "c", "d"};
  EXPECT_EQ(chosen(ids, {"all"}), (Positions{0, 1, 2, 3}));
  EXPECT_EQ(chosen(ids, {"c", "a"}), (Positions{2, 0}));
  EXPECT_EQ(chosen(ids, {"0", "2-3"}), (Positions{0, 2, 3}));
  EXPECT_EQ(chosen(ids, {"b", "0-2", "b"}), (Positions{1, 0, 2})) << "each once";
}

TEST(ItemChoice, AnIdGoesBeforeAPositionOfTheSameName) {
  EXPECT_EQ(chosen({"2", "1", "0"}, {"2"}), (Positions{0}));
  EXPECT_EQ(chosen({"2", "1", "0-1"}, {"0-1"}), (Positions{2}));
  EXPECT_EQ(chosen({"2", "1", "0"}, {"0-1"}), (Positions{0, 1})) << "a range is one of positions";
}

TEST(ItemChoice, WhatIsNoneIsRefused) {
  const std::vector<std::string> ids = {"a", "b"};
  const auto fault = [&](const std::string& word) -> std::string {
    try {
      chosen(ids, {word});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(fault("e"), "m.h5: expected the id of one of its 2 items (a, b) or positions like 0-1, got 'e'");
  EXPECT_EQ(fault("0-2"), "m.h5: expected ids, or positions from 0 to 1, got '0-2'");
  EXPECT_EQ(fault("1-0"), "m.h5: expected ids, or positions from 0 to 1, got '1-0'");
  EXPECT_EQ(test::complaint([] { chosen({}, {"all"}); }), "m.h5: there is no item to reconstruct");
}

}  // namespace
}  // namespace recon
