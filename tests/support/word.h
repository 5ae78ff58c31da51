#pragma once

#include <optional>
#include <string>
#include <utility>

#include "recon/core/words.h"

namespace recon::test {

/// The value of a word, of whichever enum is asked for: `solver.stopping = word("tolerance")`.
struct word {
  std::string text;
  explicit word(std::string word_text) : text(std::move(word_text)) {}

  template <Worded Enum>
  operator Enum() const {
    return from_word<Enum>(text, "test");
  }
  template <Worded Enum>
  operator std::optional<Enum>() const {
    return from_word<Enum>(text, "test");
  }
};

}  // namespace recon::test
