#include "recon/core/registry.h"

#include <gtest/gtest.h>

#include "recon/core/kind.h"

namespace recon {
namespace {

struct Fruit {
  std::string name;
  int sweetness = 0;
};

std::string message(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(Registry, ListsByNameAndFindsWithSuggestions) {
  const Registry<Fruit> fruits("fruit", {{"pear", 2}, {"apple", 1}, {"plum", 3}});
  EXPECT_EQ(fruits.names(), (std::vector<std::string>{"apple", "pear", "plum"}));
  EXPECT_EQ(fruits.find("pear", "test").sweetness, 2);
  EXPECT_EQ(message([&] { fruits.find("aple", "x.yaml:2"); }), "x.yaml:2: unknown fruit 'aple'; did you mean 'apple'?");
  EXPECT_EQ(message([&] { fruits.find("kumquat", "x"); }), "x: unknown fruit 'kumquat'; known: apple, pear, plum");
}

TEST(Registry, TakesKindsAtRunTimeAndNoneTwice) {
  Registry<Fruit> fruits("fruit", {{"pear", 2}, {"apple", 1}}, ListOrder::as_added);
  const Fruit& found = fruits.find("pear", "test");
  fruits.add({"fig", 5});
  EXPECT_EQ(fruits.names(), (std::vector<std::string>{"pear", "apple", "fig"}));
  EXPECT_EQ(&found, &fruits.find("pear", "test")) << "what was found stays where it is";
  EXPECT_NE(message([&] { fruits.add({"fig", 6}); }).find("there is a 'fig' already"), std::string::npos);
  EXPECT_NE(message([&] { fruits.add({"", 6}); }).find("without a name"), std::string::npos);
}

/// Counts what is visited, and gives every number the value 3.
class Threes final : public ParameterVisitor {
 public:
  int visited = 0;
  void visit(const Parameter& parameter) override {
    ++visited;
    if (double* const* number = std::get_if<double*>(&parameter.value)) **number = 3;
  }
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char*, const char*) override { return {}; }
  std::string location() const override { return "here"; }
};

struct Area {
  double height = 1, width = 1;
  void visit(ParameterVisitor& v) {
    v.field("height", height, "");
    v.field("width", width, "");
  }
};

TEST(Kind, VisitsWithoutMakingAndMakesFromWhatWasRead) {
  int made = 0;
  const auto kind = Kind<std::string, int>::of<Area>(
      {.name = "area", .summary = "a product"}, [&](const Area& area, const int& factor, const std::string& location) {
        ++made;
        return location + " " + std::to_string(static_cast<int>(area.height * area.width) * factor);
      });
  Threes visitor;
  kind.visit(visitor);
  EXPECT_EQ(visitor.visited, 2);
  EXPECT_EQ(made, 0);
  EXPECT_EQ(kind.make(visitor, 2), "here 18");
}

}  // namespace
}  // namespace recon
