// Networks with class labels: which class a card chooses, and what is said where it does not.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "priors/checkpoints/golden.h"
#include "priors/load_prior.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

/// Networks of three or five classes, whose records are of the class that their card names; and whether they also take
/// none.
struct ClassRecord {
  const char* folder;
  std::string line, other, last;
  bool none_known;
};
const std::vector<ClassRecord> kRecords{{"unet2d/class_labels", "class: 3", "class: 2", "0..4", false},
                                        {"adm/class_labels", "class: 3", "class: 2", "0..4", false},
                                        {"monai/updown_classes", "class: 3", "class: 2", "0..4", false},
                                        {"song/class_labels", "class: 2", "class: 0", "0..2", true},
                                        {"song/dhariwal_class_labels", "class: 1", "class: 2", "0..2", true}};

/// A copy of the record with another line in its card.
fs::path with_class(const ClassRecord& record, const std::string& line) {
  const fs::path folder = test::scratch_folder();
  fs::copy(test::source_path(std::string("tests/golden/") + record.folder), folder,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  std::ifstream file(folder / "prior.yaml");
  std::string card{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(card.find(record.line), std::string::npos) << record.folder;
  test::write_text(folder / "prior.yaml", card.replace(card.find(record.line), record.line.size(), line));
  return folder;
}

double error_of(const fs::path& folder) { return check_golden(folder, folder / "golden.safetensors").output_error; }

TEST(ClassLabels, AnotherClassIsAnotherDenoiser) {
  for (const ClassRecord& record : kRecords) {
    EXPECT_LT(error_of(with_class(record, record.line)), 1e-5) << record.folder;
    EXPECT_GT(error_of(with_class(record, record.other)), 1e-3) << record.folder;
    if (record.none_known) {
      EXPECT_GT(error_of(with_class(record, "class: none")), 1e-3) << record.folder;
    }
  }
}

TEST(ClassLabels, AreRequiredWhereTheNetworkHasThem) {
  for (const ClassRecord& record : kRecords) {
    const auto said = [&](const std::string& line) {
      const fs::path folder = with_class(record, line);
      return test::complaint([&] { check_golden(folder, folder / "golden.safetensors"); });
    };
    const std::string missing = said("description: of no class");
    test::expect_says(missing, {"prior.yaml", "`class: N`", record.last});
    EXPECT_EQ(missing.find("none") != std::string::npos, record.none_known) << record.folder;
    test::expect_says(said("class: 5"), {"'class'", record.last, "got 5"});
    test::expect_says(said("class: -1"), {"'class'", "'-1'"});
    test::expect_says(said("class: cat"), {"'class'", "'cat'"});
    if (!record.none_known) test::expect_says(said("class: none"), {"'class'", record.last, "got none"});
  }
}

TEST(ClassLabels, AreRefusedWhereTheNetworkHasNone) {
  for (const char* record : {"unet2d/plain_gray", "adm/legacy_order", "song/ddpmpp", "denoisers/drunet"}) {
    const fs::path folder = test::scratch_folder();
    fs::copy(test::source_path(std::string("tests/golden/") + record), folder,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    std::ofstream(folder / "prior.yaml", std::ios::app) << "class: 0\n";
    test::expect_says(test::complaint([&] { check_golden(folder, folder / "golden.safetensors"); }),
                      {"'class'", "no class labels"});
  }
}

}  // namespace
}  // namespace recon
