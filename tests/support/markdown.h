#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace recon::test {

/// A fenced block of a Markdown page.
struct CodeBlock {
  int line = 0;            ///< of its first line of text
  std::string language;    ///< the first word after the fence: sh, yaml, ...
  std::string attributes;  ///< the rest of that line
  std::string text;
};

/// A Markdown page, with the code blocks apart from the prose.
struct MarkdownPage {
  std::filesystem::path path;
  std::string name;  ///< relative to the checkout
  std::vector<CodeBlock> blocks;
  std::vector<std::string> prose;  ///< line by line; empty where code stands, so that indices are line numbers - 1
  bool closed = true;              ///< no block is left open

  /// The blocks of a language.
  std::vector<CodeBlock> of(const std::string& language) const;
};

MarkdownPage read_markdown(const std::filesystem::path& path);

/// All pages that the project has written: README.md, those of the rooms, the tests and .github, sorted by name.
std::vector<std::filesystem::path> markdown_pages();

}  // namespace recon::test
