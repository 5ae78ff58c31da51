// Whatever is registered is described: a card for each solver, a section for each operator, a picture for both.
#include <map>
#include <set>

#include "tests/commands/program.h"
#include "tests/support/markdown.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

const fs::path docs = fs::path(test::source_path("recon/docs"));

/// The text below each "### `name`" of a page, up to the next heading.
std::map<std::string, std::string> sections(const fs::path& path) {
  std::map<std::string, std::string> found;
  std::string name;
  for (const auto& line : test::read_markdown(path).prose) {
    if (line.starts_with("#")) {
      const auto first = line.find('`'), last = line.rfind('`');
      name = line.starts_with("### `") ? line.substr(first + 1, last - first - 1) : "";
      if (name.empty()) continue;
      EXPECT_TRUE(found.emplace(name, "").second) << name << " is described twice";
    } else if (!name.empty()) {
      found[name] += line + "\n";
    }
  }
  return found;
}

class Cards : public ProgramTest {
 protected:
  std::set<std::string> listed(const std::string& topic) const {
    std::set<std::string> names;
    const auto list = recon("list " + topic + " --json").json();
    for (const auto& kind : list.at(topic)) names.insert(kind.at("name"));
    EXPECT_GT(names.size(), 10U) << topic;
    return names;
  }
};

TEST_F(Cards, EverySolverHasOne) {
  auto cards = sections(docs / "solvers.md");
  for (const auto& name : listed("solvers")) {
    ASSERT_TRUE(cards.contains(name)) << "recon/docs/solvers.md has no card '### `" << name << "`'";
    for (const char* part : {"Idea", "Formula", "When", "Options", "Cost", "Claim", "Can go wrong", "Reference"}) {
      EXPECT_TRUE(contains(cards[name], "* **" + std::string(part) + "**: ")) << name;
    }
    EXPECT_TRUE(fs::exists(docs / "pictures" / ("solver_" + name + ".png"))) << "run recon/docs/make_gallery";
    cards.erase(name);
  }
  for (const auto& [name, card] : cards)
    ADD_FAILURE() << "recon/docs/solvers.md describes '" << name << "', which is no solver";
}

TEST_F(Cards, EveryOperatorHasASection) {
  auto cards = sections(docs / "operators.md");
  for (const auto& name : listed("operators")) {
    ASSERT_TRUE(cards.contains(name)) << "recon/docs/operators.md has no section '### `" << name << "`'";
    EXPECT_TRUE(contains(cards[name], "y")) << name;
    EXPECT_TRUE(fs::exists(docs / "pictures" / ("operator_" + name + ".png"))) << "run recon/docs/make_gallery";
    cards.erase(name);
  }
  cards.erase("input");
  for (const auto& [name, card] : cards)
    ADD_FAILURE() << "recon/docs/operators.md describes '" << name << "', which is none";
}

TEST_F(Cards, TheGalleryShowsEveryPicture) {
  std::string gallery;
  for (const auto& line : test::read_markdown(docs / "gallery.md").prose) gallery += line + "\n";
  for (const auto& name : listed("solvers")) EXPECT_TRUE(contains(gallery, "pictures/solver_" + name + ".png"));
  for (const auto& name : listed("operators")) EXPECT_TRUE(contains(gallery, "pictures/operator_" + name + ".png"));
}

}  // namespace
}  // namespace recon
