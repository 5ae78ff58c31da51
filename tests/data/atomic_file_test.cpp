#include "data/atomic_file.h"

#include <signal.h>
#include <sys/resource.h>

#include "data/measurement_file.h"
#include "data/content_hash.h"
#include "data/image_io.h"
#include "data/result_file.h"
#include "tests/data/data_support.h"
#include "tests/support/random.h"

namespace recon {
namespace {

using namespace testing_data;

class Atomic : public DataTest {};
class Hash : public DataTest {};

/// Makes every file of this process fail beyond `bytes`, as a full disk does (EFBIG in place of ENOSPC).
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(Atomic, TheFileAppearsOnCommitOnly) {
  write_file_atomically(path("a"), "old");
  {
    AtomicFile file(path("a"));
    EXPECT_EQ(file_bytes(path("a")), "old");
    EXPECT_EQ(files(), 2U);
  }
  EXPECT_EQ(files(), 1U) << "given up: the temporary file is removed";
  write_file_atomically(path("a"), "new");
  EXPECT_EQ(file_bytes(path("a")), "new");
  EXPECT_EQ(files(), 1U);
}

TEST_F(Atomic, AFullDiskLeavesTheOldFileAndOneError) {
  const std::string old = "old content";
  ResultSet results;
  results.main.solver = "adjoint";
  results.main.reconstructions = test::uniform({2, 3, 64, 64});
  results.ids = {"0", "1"};
  MeasurementSet measurements;
  measurements.header.image = {{3, 64, 64}, ScalarKind::real};
  measurements.y = results.main.reconstructions;
  struct Case {
    std::string name;
    std::function<void(const std::string&)> write;
  };
  const at::Tensor picture = results.main.reconstructions[0];
  const std::vector<Case> cases = {{"text", [](const auto& p) { write_file_atomically(p, std::string(300000, 'x')); }},
                                   {"result.h5", [&](const auto& p) { write_result_file(p, results); }},
                                   {"measurement.h5", [&](const auto& p) { write_measurement_file(p, measurements); }},
                                   {"picture.png",
                                    [&](const auto& p) {
                                      write_png(p, picture, {0, 1});
                                    }},
                                   {"picture.tiff", [&](const auto& p) { write_tiff(p, picture); }}};
  for (const auto& [name, write] : cases) {
    write_file_atomically(path(name), old);
    // Failing at the first byte, within the data, and (for HDF5) when the metadata are flushed at the end.
    for (const rlim_t limit : {0, 900, 5000}) {
      const FileSizeLimit full(limit);
      expect_data_error({name, "space"}, [&, &write = write, &name = name] { write(path(name)); });
    }
    EXPECT_EQ(file_bytes(path(name)), old) << name;
  }
  EXPECT_EQ(files(), cases.size()) << "no temporary files are left";
  for (const auto& [name, write] : cases) EXPECT_NO_THROW(write(path(name))) << name << ": with space again";
  EXPECT_EQ(read_result_file(path("result.h5")).ids, results.ids) << "HDF5 works on after the failures";
}

TEST_F(Atomic, EveryLimitGivesTheFileOrOneError) {
  ResultSet results;
  results.main.solver = "adjoint";
  results.main.reconstructions = test::uniform({1, 1, 16, 16});
  results.config = std::string(3000, 'c');
  results.ids = {"0"};
  write_result_file(path("whole.h5"), results);
  const auto size = std::filesystem::file_size(path("whole.h5"));
  for (std::uintmax_t limit = 0; limit < size; limit += 97) {
    const FileSizeLimit full(limit);
    expect_data_error({"r.h5"}, [&] { write_result_file(path("r.h5"), results); });
  }
  EXPECT_EQ(files(), 1U);
}

TEST_F(Atomic, APlaceThatCannotBeWrittenIsAnErrorAtOnce) {
  expect_data_error({"none/a", "No such file", "create the folder"}, [&] { AtomicFile(path("none/a")); });
  expect_data_error({"folder"}, [&] { AtomicFile(path(".")); });
  expect_data_error({"/proc/a", "cannot write"}, [] { AtomicFile("/proc/a"); });
  if (::getuid() == 0) return;  // root may write everywhere
  std::filesystem::create_directory(path("locked"));
  std::filesystem::permissions(path("locked"), std::filesystem::perms::owner_read);
  expect_data_error({"locked/a", "Permission denied"}, [&] { AtomicFile(path("locked/a")); });
}

TEST_F(Atomic, ReadingAWholeFileIsBounded) {
  write_file_atomically(path("a"), "12345");
  EXPECT_EQ(read_whole_file(path("a"), 5), "12345");
  expect_data_error({"at most 4 bytes", "has 5"}, [&] { read_whole_file(path("a"), 4); });
  expect_data_error({"none"}, [&] { read_whole_file(path("none"), 4); });
}

// FIPS 180-4's examples: the empty text and "abc".
TEST_F(Hash, EqualsThePublishedDigests) {
  EXPECT_EQ(content_hash(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(content_hash("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(Hash, OfAFileIsThatOfItsBytes) {
  const std::string bytes = std::string(3000000, 'a') + std::string(1, '\0') + "b";  // more than one piece
  write_file_atomically(path("a"), bytes);
  EXPECT_EQ(content_hash_of_file(path("a")), content_hash(bytes));
  expect_data_error({"none"}, [&] { content_hash_of_file(path("none")); });
  expect_data_error({"readable file"}, [&] { content_hash_of_file(path(".")); });
}

TEST_F(Hash, OfAFolderDependsOnNamesAndContentOnly) {
  for (const std::string folder : {"p", "q"}) {
    std::filesystem::create_directories(path(folder + "/unet"));
    write_file_atomically(path(folder + "/unet/w"), "1");
    write_file_atomically(path(folder + "/card"), "2");
  }
  const std::string before = content_hash_of_path(path("p"));
  EXPECT_EQ(before, content_hash_of_path(path("q")));
  const auto line = [](const char* text, const char* name) {
    return content_hash(text).substr(7) + "  " + name + "\n";
  };
  EXPECT_EQ(before, content_hash(line("2", "card") + line("1", "unet/w")));
  std::filesystem::rename(path("q/card"), path("q/cart"));
  EXPECT_NE(before, content_hash_of_path(path("q")));
  EXPECT_EQ(content_hash_of_path(path("p/card")), content_hash("2"));
}

}  // namespace
}  // namespace recon
