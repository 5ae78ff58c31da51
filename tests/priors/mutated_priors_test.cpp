// Priors of every family of networks whose weights or card are mutated: a denoiser or one error, never a crash; and an
// archive whose bytes are damaged gives the weights that were stored, or none.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "priors/load_prior.h"
#include "priors/mapped_file.h"
#include "priors/zip_archive.h"
#include "tests/priors/torch_files.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr std::array kMutatedRecords = {"ncsnpp/residual",      "ncsnpp/skips",
                                        "ncsnpp/ddpmpp",        "ncsnpp/ve_steps",
                                        "monai/plain",          "monai/updown_classes",
                                        "denoisers/drunet",     "denoisers/ffdnet",
                                        "denoisers/dncnn_kair", "denoising_diffusion/options"};

std::string bytes_in(const fs::path& path) { return std::string(MappedFile(path).bytes()); }

void write_in(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// A record in a folder of its own, whole.
struct MutatedRecord {
  fs::path folder, weights;
  std::string archive, pickle_name, card;
  std::vector<test::ZipEntry> entries;
  at::Tensor x, denoised;

  explicit MutatedRecord(const std::string& name) : folder(test::scratch_folder() / fs::path(name).filename()) {
    const fs::path source = test::source_path("tests/golden/" + name);
    fs::create_directories(folder);
    fs::copy_file(source / "prior.yaml", folder / "prior.yaml", fs::copy_options::overwrite_existing);
    for (const auto& entry : fs::directory_iterator(source)) {
      const auto ending = entry.path().extension();
      if (ending == ".pt" || ending == ".pth") weights = folder / entry.path().filename();
    }
    archive = bytes_in(source / weights.filename());
    card = bytes_in(folder / "prior.yaml");
    const ZipArchive zip(archive, name);
    for (const auto& entry : zip.names()) {
      std::string bytes(zip.size(entry), '\0');
      zip.read(entry, bytes.data());
      if (entry.ends_with("data.pkl")) pickle_name = entry;
      entries.push_back({.name = entry, .bytes = bytes});
    }
    restore();
    denoised = result();
  }

  void restore() const {
    write_in(weights, archive);
    write_in(folder / "prior.yaml", card);
  }

  /// What the prior makes of a small image.
  at::Tensor result() {
    const PriorPtr prior = load_prior(folder.string());
    const ImageDomain& domain = prior->domain();
    constexpr std::int64_t largest = 64;
    const Shape size = domain.fixed_size.empty() ? Shape(2, 2 * domain.multiple) : domain.fixed_size;
    if (size[0] > largest || size[1] > largest || domain.channels > largest) return {};
    const Shape shape = {1, domain.channels, size[0], size[1]};
    const double level = prior->schedule().time_of(0.1);
    return prior->denoise(at::linspace(0, 0.5, TensorSpec{shape}.numel(), at::kFloat).reshape(shape),
                          prior->schedule().at(level));
  }
};

struct MutatedOutcomes {
  int refused = 0, works = 0;
};

MutatedOutcomes mutated_priors(int rounds, unsigned seed) {
  std::mt19937 random(seed);
  MutatedOutcomes outcomes;
  for (std::size_t r = 0; r < kMutatedRecords.size(); ++r) {
    MutatedRecord record(kMutatedRecords[r]);
    for (int round = static_cast<int>(r); round < rounds; round += static_cast<int>(kMutatedRecords.size())) {
      const auto kind = random() % 4;
      if (kind == 0) {
        write_in(record.weights, test::mutated(record.archive, random));
      } else if (kind == 1) {
        write_in(record.folder / "prior.yaml", test::mutated(record.card, random));
      } else {  // with right checksums
        std::vector<test::ZipEntry> entries = record.entries;
        for (auto& entry : entries) {
          if (entry.name == record.pickle_name) entry.bytes = test::mutated(entry.bytes, random);
        }
        write_in(record.weights, test::zip_of(entries));
      }
      at::Tensor result;
      const std::string said = test::complaint([&] { result = record.result(); });
      EXPECT_TRUE(said.empty() || said.find(record.folder.string()) != std::string::npos) << said;
      if (said.empty() && kind == 0) {
        EXPECT_TRUE(at::equal(result, record.denoised)) << record.folder << " " << round;
      }
      ++(said.empty() ? outcomes.works : outcomes.refused);
      record.restore();
    }
  }
  fmt::print("{} mutated priors refused, {} work\n", outcomes.refused, outcomes.works);
  return outcomes;
}

TEST(MutatedPriors, GiveADenoiserOrOneError) {
  const MutatedOutcomes outcomes = mutated_priors(200, 1);
  EXPECT_GT(outcomes.refused, 80);
  EXPECT_GT(outcomes.works, 3);
}

TEST(SlowMutatedPriors, TwentyThousandGiveADenoiserOrOneError) {
  const MutatedOutcomes outcomes = mutated_priors(20'000, 2);
  EXPECT_GT(outcomes.refused, 8000);
  EXPECT_GT(outcomes.works, 300);
}

}  // namespace
}  // namespace recon
