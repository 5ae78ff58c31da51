#include "recon/report/html.h"

#include <gtest/gtest.h>

namespace recon {
namespace {

TEST(Html, Base64AsRfc4648) {  // the vectors of section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(Html, TextCannotLeaveItsPlace) {
  const std::string figure = html_figure({.group = "a\"b", .picture = "x", .caption = "<script>&", .label = ""});
  EXPECT_EQ(figure.find("<script>"), std::string::npos);
  EXPECT_NE(figure.find("data-group=\"a&quot;b\""), std::string::npos);
  EXPECT_NE(html_page("a<b", "").find("<title>a&lt;b</title>"), std::string::npos);
}

}  // namespace
}  // namespace recon
