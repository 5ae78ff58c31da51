// The form of the pages: lines and cells that can be read, links that lead somewhere.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/faults.h"
#include "tests/support/markdown.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using test::MarkdownPage;

/// Characters, not bytes, of UTF-8.
std::ptrdiff_t length(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

std::vector<std::string> cells(const std::string& row) {
  std::vector<std::string> found(1);
  for (std::size_t i = 1; i < row.size(); ++i) {
    if (row[i] == '|' && row[i - 1] != '\\') {
      found.emplace_back();
    } else {
      found.back() += row[i];
    }
  }
  return found;
}

/// A link's text is what one reads of it.
std::string without_targets(const std::string& text) {
  return std::regex_replace(text, std::regex(R"(\]\([^)]*\))"), "]");
}

/// What GitHub makes of a heading to jump to.
std::string anchor(const std::string& heading) {
  std::string made;
  for (const unsigned char c : heading.substr(heading.find_first_not_of("# "))) {
    if (c == ' ') made += '-';
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c >= 0x80U) made += static_cast<char>(std::tolower(c));
  }
  return made;
}

std::set<std::string> anchors(const MarkdownPage& page) {
  std::set<std::string> found;
  for (const auto& line : page.prose) {
    if (line.starts_with("#")) found.insert(anchor(line));
  }
  return found;
}

/// The targets of the links of a page that lead into the checkout.
std::vector<std::string> local_links(const MarkdownPage& page) {
  static const std::regex link(R"(\]\(([^)\s]+)\))");
  std::vector<std::string> found;
  for (const auto& line : page.prose) {
    for (std::sregex_iterator it(line.begin(), line.end(), link), end; it != end; ++it) {
      if ((*it)[1].str().find("://") == std::string::npos) found.push_back((*it)[1]);
    }
  }
  return found;
}

/// What is wrong with a link of the page; empty when it leads somewhere.
std::string broken(const MarkdownPage& page, const std::string& link) {
  const auto hash = link.find('#');
  const fs::path target = hash == 0 ? page.path : page.path.parent_path() / link.substr(0, hash);
  if (!fs::exists(target)) return fmt::format("{} links to {}, which is not there", page.name, link);
  if (hash == std::string::npos || anchors(test::read_markdown(target)).contains(link.substr(hash + 1))) return "";
  return fmt::format("{} links to {}, but there is no such heading", page.name, link);
}

TEST(DocumentForm, LinesAndCellsAreShort) {
  for (const auto& path : test::markdown_pages()) {
    const MarkdownPage page = test::read_markdown(path);
    for (std::size_t i = 0; i < page.prose.size(); ++i) {
      const std::string& line = page.prose[i];
      const std::string where = fmt::format("{}:{}", page.name, i + 1);
      if (!line.starts_with("|")) {
        EXPECT_LE(length(line), 160) << where << " is too long a line";
        continue;
      }
      for (const auto& cell : cells(line))
        EXPECT_LE(length(without_targets(cell)), 120) << where << " has a long cell: " << cell;
    }
  }
}

TEST(DocumentForm, LinksLeadSomewhere) {
  std::size_t seen = 0;
  for (const auto& path : test::markdown_pages()) {
    const MarkdownPage page = test::read_markdown(path);
    for (const auto& link : local_links(page)) {
      ++seen;
      EXPECT_EQ(broken(page, link), "");
    }
  }
  EXPECT_GT(seen, 80U);
}

TEST(DocumentForm, BrokenLinksAreFound) {
  const MarkdownPage readme = test::read_markdown(test::source_path("README.md"));
  EXPECT_NE(broken(readme, "recon/docs/no_such_page.md"), "");
  EXPECT_NE(broken(readme, "#no-such-heading"), "");
  EXPECT_EQ(broken(readme, "#start"), "");
  EXPECT_EQ(anchor("## What `recon` does: 90 % covers"), "what-recon-does-90--covers");
}

TEST(DocumentForm, ApiPagesHaveNoWarnings) {
  if (std::system("doxygen --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no doxygen here";
  const fs::path folder = test::scratch_folder();
  std::stringstream text;
  text << std::ifstream(test::source_path("recon/docs/Doxyfile.in")).rdbuf();
  std::string doxyfile = text.str();
  const std::vector<std::pair<std::string, std::string>> values = {{"@PROJECT_SOURCE_DIR@", test::source_path()},
                                                                   {"@PROJECT_BINARY_DIR@", folder.string()},
                                                                   {"@PROJECT_VERSION@", "0"}};
  for (const auto& [name, value] : values) doxyfile = std::regex_replace(doxyfile, std::regex(name), value);
  fs::create_directories(folder / "docs");
  std::ofstream(folder / "Doxyfile") << doxyfile;
  const std::string command = fmt::format("cd '{0}' && doxygen Doxyfile >log.txt 2>&1", folder.string());
  const int status = std::system(command.c_str());
  std::stringstream log;
  log << std::ifstream(folder / "log.txt").rdbuf();
  EXPECT_EQ(status, 0) << log.str();
  EXPECT_EQ(log.str(), "");
  EXPECT_TRUE(fs::exists(folder / "docs/classrecon_1_1Operator.html"));
  fs::remove_all(folder);
}

TEST(DocumentForm, TheReadmeIsShort) {
  EXPECT_LE(test::read_markdown(test::source_path("README.md")).prose.size(), 150U);
}

}  // namespace
}  // namespace recon
