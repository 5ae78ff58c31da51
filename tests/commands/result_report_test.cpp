// The page of a result: what stands out is seen first.
#include <ATen/ATen.h>

#include "recon/core/rng.h"
#include "tests/commands/batch_support.h"

namespace recon {
namespace {

class ResultPage : public BatchTest {
 protected:
  /// Forty items with ordinary figures, of which some are made to stand out.
  void write_result(const std::string& name) const {
    constexpr std::int64_t count = 40;
    ResultSet set;
    for (std::int64_t i = 0; i < count; ++i) set.ids.push_back("<item " + std::to_string(i) + ">");
    set.range = {0, 1};
    set.config = "solver: tv_pdhg\n";
    set.operator_config = "type: identity\n";
    set.skipped = {{.name = "broken.h5", .reason = "broken.h5: is no HDF5 file"}};
    SolverResults& main = set.main;
    main.solver = "tv_pdhg";
    main.reconstructions = at::linspace(0, 1, count * 256, at::kFloat).view({count, 1, 16, 16});
    main.reconstructions[7] = std::numeric_limits<float>::quiet_NaN();
    const at::Tensor spread = Rng(1, "spread").normal({{0, 0}}, 0, {{count}, ScalarKind::real}, at::kDouble)[0];
    for (std::int64_t i = 0; i < count; ++i) {
      const double z = spread[i].item<double>();
      main.chi2.push_back(std::exp(0.02 * z));
      main.metrics["psnr"].push_back(30 + z);
      main.status.emplace_back("converged");
      main.error.emplace_back("");
      main.device.emplace_back("cpu");
    }
    main.status[7] = "failed";
    main.error[7] = "the noise <ran> away";
    main.status[11] = "misfit";
    main.chi2[11] = 3;
    main.metrics["psnr"][20] = 12;
    main.chi2[30] = 0.4;
    write_result_file(path(name).string(), set);
  }
};

TEST_F(ResultPage, ShowsWhatStandsOutFirst) {
  write_result("r.h5");
  const Outputs got = recon("export r.h5 -o r.html");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const std::string page = file_content(path("r.html"));
  const auto place = [&](const std::string& text) {
    const std::size_t found = page.find(text);
    EXPECT_NE(found, std::string::npos) << text;
    return found;
  };
  EXPECT_LT(place("failed: the noise &lt;ran&gt; away"), place("the data contradict it"));
  EXPECT_LT(place("the data contradict it"), place("chi² is lower than usual"));
  EXPECT_LT(place("the data contradict it"), place("PSNR is lower than usual"));
  EXPECT_LT(place("PSNR is lower than usual"), place("The first 36 of 36 other items"));
  place("Items that stand out: 4");
  place("40 items by tv_pdhg");
  place("broken.h5: is no HDF5 file");
  EXPECT_EQ(page.find("<item"), std::string::npos) << "texts of files are no HTML";
  EXPECT_EQ(recon("export r.h5 -o r.html").exit_code, 2) << "it is there already";
  EXPECT_EQ(recon("export r.h5 -o r.html --force").exit_code, 0);
  EXPECT_EQ(recon("export r.h5 -o s.html --what std").exit_code, 2);
}

TEST_F(ResultPage, OfABatchIsWrittenBesideIt) {
  write_items("m.h5", 4);
  write_config();
  ASSERT_EQ(batch("--set output.report=b.html").exit_code, 0);
  const std::string page = file_content(path("b.html"));
  EXPECT_TRUE(contains(page, "4 items by tv_pdhg") && contains(page, "PSNR/dB"));
}

TEST_F(ResultPage, IsOfResultsOnly) {
  write_items("m.h5", 2);
  const Outputs got = recon("export m.h5 -o m.html");
  EXPECT_EQ(got.exit_code, 3);
  EXPECT_TRUE(contains(got.err, "recon-measurement")) << got.err;
}

}  // namespace
}  // namespace recon
