#include "tests/support/markdown.h"
#include "tests/support/paths.h"

#include <algorithm>
#include <fstream>

namespace recon::test {

namespace fs = std::filesystem;

std::vector<CodeBlock> MarkdownPage::of(const std::string& language) const {
  std::vector<CodeBlock> found;
  std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(found),
               [&](const CodeBlock& block) { return block.language == language; });
  return found;
}

MarkdownPage read_markdown(const fs::path& path) {
  MarkdownPage page{.path = path, .name = fs::relative(path, test::source_path()).string(), .blocks = {}, .prose = {}};
  std::ifstream file(path);
  bool inside = false;
  std::size_t indent = 0;  // of a block in a list
  for (std::string line; std::getline(file, line);) {
    const auto first = std::min(line.find_first_not_of(' '), line.size());
    const bool fence = line.compare(first, 3, "```") == 0;
    page.prose.push_back(inside || fence ? "" : line);
    if (!inside && fence) {
      indent = first;
      const std::string info = line.substr(first + 3);
      const auto space = info.find(' ');
      page.blocks.push_back({.line = static_cast<int>(page.prose.size()) + 1,
                             .language = info.substr(0, space),
                             .attributes = space == std::string::npos ? "" : info.substr(space + 1),
                             .text = {}});
    } else if (inside && !fence) {
      page.blocks.back().text += line.substr(std::min(indent, first)) + "\n";
    }
    if (fence) inside = !inside;
  }
  page.closed = !inside;
  return page;
}

std::vector<fs::path> markdown_pages() {
  const fs::path root = test::source_path();
  std::vector<fs::path> pages = {root / "README.md"};
  for (const char* room : {".github", "recon", "operators", "priors", "data", "configs", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      if (entry.path().extension() == ".md") pages.push_back(entry.path());
    }
  }
  std::sort(pages.begin(), pages.end());
  return pages;
}

}  // namespace recon::test
