#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/lint/sources.h"
#include "tests/support/paths.h"

// The rules of the design that a compiler does not check: which room may include which, sizes, what is nowhere used.
namespace recon::lint {
namespace {

/// The box of the architecture that a path belongs to: the longest matching folder.
std::string room_of(const std::string& path) {
  static const std::vector<std::string> rooms = {"recon/core",     "recon/config",   "recon/solvers", "recon/metrics",
                                                 "recon/pipeline", "recon/commands", "recon/report",  "operators",
                                                 "priors",         "data",           "tests"};
  for (const auto& room : rooms) {
    if (path.starts_with(room + "/")) return room;
  }
  return path.starts_with("recon/main") ? "recon/main" : "";
}

/// What each room may include, besides itself.
const std::map<std::string, std::set<std::string>>& arrows() {
  static const std::map<std::string, std::set<std::string>> allowed = {
      {"recon/core", {}},
      {"operators", {"recon/core"}},
      {"priors", {"recon/core"}},
      {"data", {"recon/core"}},
      {"recon/metrics", {"recon/core"}},
      {"recon/config", {"recon/core"}},
      {"recon/solvers", {"recon/core", "operators", "priors"}},
      {"recon/pipeline",
       {"recon/core", "operators", "priors", "data", "recon/solvers", "recon/config", "recon/metrics", "recon/report"}},
      {"recon/report", {"recon/core", "data", "recon/metrics"}},
      {"recon/commands",
       {"recon/core", "operators", "priors", "data", "recon/solvers", "recon/config", "recon/metrics", "recon/report",
        "recon/pipeline"}},
      {"recon/main", {"recon/core", "recon/commands"}},
  };
  return allowed;
}

/// The wrong arrows of one file, as "path includes other".
std::vector<std::string> wrong_arrows(const Source& source) {
  std::vector<std::string> wrong;
  const std::string room = room_of(source.path);
  if (room == "tests") return wrong;
  for (const auto& line : source.lines) {
    const std::string included = included_by(line);
    if (included.empty()) continue;
    const std::string target = room_of(included);
    if (target.empty()) {
      wrong.push_back(source.path + " includes " + included + ", which is in no room (write the path from the top)");
    } else if (target != room && !arrows().at(room).contains(target)) {
      wrong.push_back(source.path + " includes " + included);
    }
  }
  return wrong;
}

TEST(Architecture, IncludesFollowTheArrows) {
  for (const auto& source : sources()) {
    for (const auto& message : wrong_arrows(source)) ADD_FAILURE() << message;
  }
}

TEST(Architecture, AWrongArrowIsFound) {
  EXPECT_EQ(wrong_arrows({"operators/x.cpp", {"#include \"priors/prior.h\""}}).size(), 1U);
  EXPECT_EQ(wrong_arrows({"recon/solvers/x.cpp", {"#include \"data/hdf5.h\""}}).size(), 1U);
  EXPECT_EQ(wrong_arrows({"recon/core/x.h", {"#include \"sibling.h\""}}).size(), 1U);
  EXPECT_TRUE(wrong_arrows({"recon/solvers/x.cpp", {"#include \"priors/prior.h\""}}).empty());
}

// Length is what can be measured; one idea per file is for readers to see.
TEST(Architecture, FilesAreShort) {
  for (const auto& source : sources()) {
    const std::size_t limit = source.path.ends_with(".h") ? 150 : 400;
    EXPECT_LE(source.lines.size(), limit) << source.path << " probably holds two ideas";
  }
}

TEST(Architecture, HeavyAndForbiddenThingsStayOut) {
  struct Forbidden {
    std::string head, tail;  // in two halves, so that this file does not find itself
    std::string why;
  };
  const std::vector<Forbidden> forbidden = {
      {"torch/", "torch.h", "costs 16 s and 1.3 GB per file; include what is used"},
      {"manual_", "seed(", "randomness comes from recon/core/rng.h"},
      {"at::", "rand", "randomness comes from recon/core/rng.h"},  // randn, randint, randperm ... too
      {"at::", "normal(", "randomness comes from recon/core/rng.h"},
      {"at::", "bernoulli", "randomness comes from recon/core/rng.h"},
      {"std::", "random_device", "randomness comes from recon/core/rng.h"},
      {"using namespace ", "std", "names stay qualified"}};
  for (const auto& [head, tail, why] : forbidden) {
    const std::string text = fmt::format("{}{}", head, tail);
    for (const auto& source : sources()) {
      for (const auto& line : source.lines) {
        EXPECT_EQ(line.find(text), std::string::npos) << source.path << " uses " << text << ": " << why;
      }
    }
  }
}

// What is tracked counts: a user may well have results lying about.
TEST(Architecture, TheTopLevelHoldsTheAgreedNamesOnly) {
  const std::set<std::string> agreed = {"recon",     "operators", "priors",         "data",
                                        "configs",   "tests",     "CMakeLists.txt", "CMakePresets.json",
                                        "README.md", "LICENSE"};
  const std::string command = fmt::format("git -C '{}' ls-files 2>/dev/null", test::source_path());
  FILE* listing = popen(command.c_str(), "r");
  ASSERT_NE(listing, nullptr);
  std::set<std::string> names;
  for (char line[4096]; fgets(line, sizeof line, listing) != nullptr;) {
    const std::string path = line;
    names.insert(path.substr(0, path.find_first_of("/\n")));
  }
  if (pclose(listing) != 0) GTEST_SKIP() << "not a git checkout";
  EXPECT_GT(names.size(), 5U);
  for (const auto& name : names) {
    EXPECT_TRUE(name.starts_with(".") || agreed.contains(name)) << name << " is not on the agreed list";
  }
}

/// Lines at the left margin that declare nothing: includes, comments, namespaces, forward declarations.
bool declares_nothing(const std::string& line) {
  for (const char* head : {" ", "#", "//", "namespace", "using", "}"}) {
    if (line.starts_with(head)) return true;
  }
  const bool forward = (line.starts_with("class ") || line.starts_with("struct ")) && line.ends_with(";");
  return line.empty() || (forward && line.find('{') == std::string::npos);
}

/// True when `///` says something before the first class, struct, enum, constant or function of a header, or beside it.
bool documents_itself(const Source& source) {
  bool said = false;
  for (const auto& line : source.lines) {
    said = said || line.find("///") != std::string::npos;
    if (!declares_nothing(line)) return said;
  }
  return true;  // it declares nothing
}

TEST(Architecture, EveryHeaderGuardsAndDocumentsItself) {
  for (const auto& source : sources()) {
    if (!source.path.ends_with(".h") || source.path.starts_with("tests/")) continue;
    const bool once = std::find(source.lines.begin(), source.lines.end(), "#pragma once") != source.lines.end();
    EXPECT_TRUE(once) << source.path << " has no #pragma once";
    EXPECT_TRUE(documents_itself(source)) << source.path << " says nothing about what it is for";
  }
}

TEST(Architecture, AHeaderWithoutAWordIsFound) {
  const std::vector<std::string> head = {"#pragma once", "#include <x>  // for y", "namespace recon {", "class Other;"};
  const auto with = [&](std::vector<std::string> lines) {
    lines.insert(lines.begin(), head.begin(), head.end());
    lines.emplace_back("}  // namespace recon");
    return documents_itself({"x.h", lines});
  };
  EXPECT_FALSE(with({"struct A {", "  int a;  ///< said too late", "};"}));
  EXPECT_FALSE(with({"int f(int x);", "/// said too late", "int g();"}));
  EXPECT_TRUE(with({"/// An A.", "struct A {", "};"}));
  EXPECT_TRUE(with({"int f(int x);  ///< its square"}));
}

}  // namespace
}  // namespace recon::lint
