#include "recon/core/words.h"

#include <gtest/gtest.h>

#include "recon/core/parameters.h"

namespace recon {
namespace {

enum class Colour { red, green };
constexpr auto words_of(Colour) {
  return std::to_array<Word<Colour>>({{Colour::red, "red"}, {Colour::green, "green"}});
}

/// An enum inside of a class finds its words as well.
struct Lamp {
  enum class State { on, off };
  friend constexpr auto words_of(State) { return std::to_array<Word<State>>({{State::on, "on"}, {State::off, "off"}}); }
};

TEST(Words, GoThereAndBack) {
  EXPECT_EQ(all_words<Colour>(), (std::vector<std::string>{"red", "green"}));
  for (const Colour colour : {Colour::red, Colour::green}) {
    EXPECT_EQ(from_word<Colour>(to_string(colour), "test"), colour);
  }
  EXPECT_EQ(from_word<Lamp::State>("off", "test"), Lamp::State::off);
  EXPECT_EQ(find_word<Colour>("blue"), std::nullopt);
}

TEST(Words, WrongOnesAreNamedWithTheNearest) {
  try {
    from_word<Colour>("gren", "x.yaml:3");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_STREQ(error.what(), "x.yaml:3: expected red or green, got 'gren'; did you mean 'green'?");
  }
  EXPECT_THROW(to_string(static_cast<Colour>(7)), Error);
  EXPECT_EQ(alternatives({"a", "b", "c"}), "a, b or c");
  EXPECT_EQ(alternatives({"a"}), "a");
}

}  // namespace
}  // namespace recon
