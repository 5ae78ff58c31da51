// The exporter of recon/docs/priors.md writes a file with which recon computes what Python computes. Needs a Python
// with torch 2.11, diffusers and safetensors: $RECON_PYTHON.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "priors/checkpoints/golden.h"
#include "tests/support/faults.h"
#include "tests/support/markdown.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

/// What the network gives at three sizes other than the example's, after the page's own block.
constexpr const char* kRecords = R"(
from safetensors.torch import save_file

for index, (batch, height, width) in enumerate([(1, 16, 24), (3, 40, 32), (2, 64, 64)]):
    x = torch.randn(batch, 4, height, width, requires_grad=True)
    t = torch.tensor([3.0, 700.0, 40.0])[:batch]
    out = net(x, t)
    v = torch.randn_like(out)
    vjp, = torch.autograd.grad(out, x, v)
    record = dict(x=x, t=t, out=out, v=v, vjp=vjp)
    save_file({name: value.detach().contiguous() for name, value in record.items()}, f"golden_{index}.safetensors")
)";

std::string block_with(const test::MarkdownPage& page, const std::string& language, const std::string& words) {
  for (const auto& block : page.of(language)) {
    if (block.text.find(words) != std::string::npos) return block.text;
  }
  ADD_FAILURE() << page.name << " has no " << language << " with " << words;
  return "";
}

TEST(SlowExporter, OfTheDocumentationAgreesWithPython) {
  if (!test::python_has("torch diffusers safetensors")) {
    GTEST_SKIP() << test::python() << " has no torch, diffusers and safetensors; set RECON_PYTHON to one that has";
  }
  const test::MarkdownPage page = test::read_markdown(test::source_path("recon/docs/priors.md"));
  const fs::path folder = test::scratch_folder();
  fs::create_directory_symlink(test::source_path("priors"), folder / "priors");
  test::write_text(folder / "export.py", block_with(page, "python", "torch.export.save") + kRecords);
  test::write_text(folder / "prior.yaml", block_with(page, "yaml", "type: exported"));
  const std::string command = "cd '" + folder.string() + "' && " + test::python() + " export.py";
  ASSERT_EQ(std::system(command.c_str()), 0);
  for (int index = 0; index < 3; ++index) {
    const GoldenReport report = check_golden(folder, folder / ("golden_" + std::to_string(index) + ".safetensors"));
    EXPECT_LT(report.output_error, 1e-6);
    ASSERT_TRUE(report.vjp_error.has_value());
    EXPECT_LT(*report.vjp_error, 1e-5);
  }
}

}  // namespace
}  // namespace recon
