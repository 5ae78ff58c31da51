#pragma once

#include <array>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {

/// A value of a closed set and the word for it in configs, files and messages.
template <class Enum>
struct Word {
  Enum value;
  const char* text;
};

/// An enum with one table of words, which stands beside it and is found by its type (a friend for an enum in a class):
///
///     enum class Boundary { circular, zero };
///     constexpr auto words_of(Boundary) {
///       using enum Boundary;
///       return std::to_array<Word<Boundary>>({{circular, "circular"}, {zero, "zero"}});
///     }
template <class Enum>
concept Worded = std::is_enum_v<Enum> && requires {
  words_of(Enum{});
};

/// The word of a value. Throws Error(internal) for a value that is none of the enumerators.
template <Worded Enum>
std::string to_string(Enum value) {
  for (const Word<Enum>& word : words_of(value)) {
    if (word.value == value) return word.text;
  }
  throw internal_error("to_string", "value {} is not one of the enumerators", static_cast<int>(value));
}

/// All words, in the order of the table.
template <Worded Enum>
std::vector<std::string> all_words() {
  std::vector<std::string> all;
  for (const Word<Enum>& word : words_of(Enum{})) all.emplace_back(word.text);
  return all;
}

/// "a, b or c", for messages.
std::string alternatives(const std::vector<std::string>& words);

/// The value of a word, if it is one.
template <Worded Enum>
std::optional<Enum> find_word(const std::string& text) {
  for (const Word<Enum>& word : words_of(Enum{})) {
    if (text == word.text) return word.value;
  }
  return std::nullopt;
}

/// The value of a word. Throws Error(usage) at `location` naming all words and the nearest one.
template <Worded Enum>
Enum from_word(const std::string& text, const std::string& location) {
  if (const auto value = find_word<Enum>(text)) return *value;
  const std::vector<std::string> all = all_words<Enum>();
  const auto near = nearest(text, all);
  throw usage_error(location, "expected {}, got '{}'{}", alternatives(all), text,
                    near ? "; did you mean '" + *near + "'?" : "");
}

}  // namespace recon
