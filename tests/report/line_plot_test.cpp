#include "recon/report/line_plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "recon/core/error.h"

namespace recon {
namespace {

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(LinePlot, DrawsEachPointWhereItsValueIs) {
  const std::string svg =
      line_plot_svg({{.label = "a<b", .x = {0, 5, 10}, .y = {1, 10, 100}}},
                    {.title = "T & t", .x_label = "x", .y_label = "y", .log_x = false, .log_y = true});
  // The plot's area is 72..570 by 36..348: x linear, y logarithmic, so the middle point lies in the middle.
  EXPECT_NE(svg.find("M72.0 348.0L321.0 192.0L570.0 36.0"), std::string::npos) << svg;
  EXPECT_NE(svg.find("a&lt;b"), std::string::npos);
  EXPECT_NE(svg.find("T &amp; t"), std::string::npos);
  EXPECT_EQ(svg.find("a<b"), std::string::npos);
  for (const char* outside : {"<script", "http://", "href"}) {
    EXPECT_EQ(count(svg, outside), outside == std::string("http://") ? 1 : 0) << "only the namespace: " << outside;
  }
}

TEST(LinePlot, LeavesOutWhatCannotBeDrawn) {
  const std::string svg = line_plot_svg({{.label = "a", .x = {0, 1, 2, 3}, .y = {1, NAN, -1, 2}}},
                                        {.title = "", .x_label = "", .y_label = "", .log_x = false, .log_y = true});
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_NE(svg.find("M72.0 348.0L570.0 36.0"), std::string::npos);
  const std::string flat = line_plot_svg({{.label = "a", .x = {1}, .y = {7}}}, {});
  EXPECT_EQ(count(flat, "<circle"), 1) << "a single point must be seen";
  EXPECT_EQ(flat.find("nan"), std::string::npos);
  EXPECT_EQ(flat.find("inf"), std::string::npos);
  EXPECT_THROW(line_plot_svg({{.label = "a", .x = {1}, .y = {NAN}}}, {}), Error);
}

TEST(LinePlot, TicksAreRoundAndFew) {
  for (const double top : {1.0, 3.0, 0.002, 7e6}) {
    for (const bool log : {false, true}) {
      const std::string svg = line_plot_svg({{.label = "a", .x = {0, 1}, .y = {top / 1000, top}}},
                                            {.title = "", .x_label = "", .y_label = "", .log_x = false, .log_y = log});
      const int ticks = count(svg, "text-anchor=\"end\"");
      EXPECT_GE(ticks, 2) << top << log;
      EXPECT_LE(ticks, 12) << top << log;
    }
  }
}

}  // namespace
}  // namespace recon
