#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/lint/sources.h"

// Inside a room the includes run one way, too: its folders, and the files beside them, form floors.
namespace recon::lint {
namespace {

/// Who includes whom inside a room. A node is a folder of the room, or a header with its source.
class RoomGraph {
 public:
  RoomGraph(std::string room, const std::vector<Source>& sources) : room_(std::move(room)) {
    for (const auto& source : sources) {
      if (!source.path.starts_with(room_ + "/")) continue;
      const std::string from = node_of(source.path);
      arrows_[from];
      for (const auto& line : source.lines) {
        const std::string included = included_by(line);
        if (!included.starts_with(room_ + "/")) continue;
        if (const std::string to = node_of(included); to != from)
          arrows_[from][to] = source.path + " includes " + included;
      }
    }
  }

  std::size_t nodes() const { return arrows_.size(); }

  /// Node -> 1 for those that include no other node, else one more than the highest that they include. A node that
  /// includes itself by way of others has no floor.
  std::map<std::string, int> floors() const {
    std::map<std::string, int> found;
    for (bool more = true; more;) {
      more = false;
      for (const auto& [node, targets] : arrows_) {
        if (found.contains(node)) continue;
        int floor = 1;
        const bool stands = std::all_of(targets.begin(), targets.end(), [&](const auto& target) {
          if (!arrows_.contains(target.first)) return true;  // a header that the build makes
          const auto below = found.find(target.first);
          if (below != found.end()) floor = std::max(floor, below->second + 1);
          return below != found.end();
        });
        if (stands) found[node] = floor;
        more = more || stands;
      }
    }
    return found;
  }

  /// The arrows between nodes without a floor: at least one of them is to go.
  std::vector<std::string> circles() const {
    const auto found = floors();
    std::vector<std::string> wrong;
    for (const auto& [node, targets] : arrows_) {
      for (const auto& [target, line] : targets) {
        if (!found.contains(node) && !found.contains(target)) wrong.push_back(line);
      }
    }
    return wrong;
  }

  /// "2  solve: items", the highest floor first.
  std::string to_string() const {
    std::string text = fmt::format("{}: {} nodes\n", room_, nodes());
    const auto found = floors();
    int highest = 0;
    for (const auto& [node, floor] : found) highest = std::max(highest, floor);
    for (int floor = highest; floor > 0; --floor) {
      for (const auto& [node, targets] : arrows_) {
        if (!found.contains(node) || found.at(node) != floor) continue;
        text += fmt::format("  {}  {}:", floor, node);
        for (const auto& target : targets) text += " " + target.first;
        text += "\n";
      }
    }
    return text;
  }

 private:
  std::string node_of(const std::string& path) const {
    const std::string inside = path.substr(room_.size() + 1);
    const auto slash = inside.find('/');
    return inside.substr(0, slash == std::string::npos ? inside.rfind('.') : slash);
  }

  std::string room_;
  std::map<std::string, std::map<std::string, std::string>> arrows_;
};

TEST(Rooms, InsideARoomArrowsPointDown) {
  for (const char* room : {"operators", "priors", "data", "recon/core", "recon/config", "recon/solvers",
                           "recon/metrics", "recon/report", "recon/pipeline", "recon/commands"}) {
    const RoomGraph graph(room, sources());
    EXPECT_GT(graph.nodes(), 1U) << room;
    for (const auto& line : graph.circles()) ADD_FAILURE() << line << ", in a circle";
    fmt::print("{}", graph.to_string());
  }
}

TEST(Rooms, ThePipelineHasThreeFloors) {
  const RoomGraph graph("recon/pipeline", sources());
  EXPECT_LE(graph.nodes(), 10U);
  for (const auto& [node, floor] : graph.floors()) EXPECT_LE(floor, 3) << node;
}

/// Lines of the verbs that write files.
std::vector<std::string> writing_lines(const std::vector<Source>& sources) {
  std::vector<std::string> wrong;
  for (const auto& source : sources) {
    if (!source.path.starts_with("recon/commands/")) continue;
    if (source.path == "recon/commands/man.cpp") continue;  // its pages are of the program, not of a measurement
    for (const auto& line : source.lines) {
      for (const char* way : {"AtomicFile", "write_file_atomically(", "write_result_file(", "write_measurement_file(",
                              "write_samples_file(", "write_png", "ofstream"}) {
        if (line.find(way) != std::string::npos) wrong.push_back(fmt::format("{}: {}", source.path, line));
      }
    }
  }
  return wrong;
}

TEST(Rooms, VerbsParseCallAndPrintButThePipelineWritesFiles) {
  for (const auto& line : writing_lines(sources())) ADD_FAILURE() << line;
  EXPECT_EQ(writing_lines({{"recon/commands/x.cpp", {"  write_png_panel(path, tiles, 2);"}}}).size(), 1U);
}

TEST(Rooms, APlantedArrowBackIsFound) {
  std::vector<Source> planted = sources();
  planted.push_back({"recon/pipeline/items/planted.cpp", {"#include \"recon/pipeline/batch/batch_plan.h\""}});
  const auto circles = RoomGraph("recon/pipeline", planted).circles();
  EXPECT_NE(std::find(circles.begin(), circles.end(),
                      "recon/pipeline/items/planted.cpp includes recon/pipeline/batch/batch_plan.h"),
            circles.end());
}

}  // namespace
}  // namespace recon::lint
