// What `cmake --install` makes is moved and used from outside the source tree; recon/docs/extending.md is followed to
// the letter.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "data/hdf5/hdf5_file.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

/// The fenced blocks of a page: what follows the fence, and the text.
std::vector<std::pair<std::string, std::string>> blocks_of(const fs::path& page) {
  std::vector<std::pair<std::string, std::string>> blocks;
  std::istringstream lines(file_content(page));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.emplace_back(line.substr(3), "");
    } else if (inside) {
      blocks.back().second += line + "\n";
    }
  }
  return blocks;
}

class SlowInstallation : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    const fs::path build = fs::path(test::program()).parent_path().parent_path();
    const Outputs installed = shell(fmt::format("cmake --install '{}' --prefix \"$PWD/first\"", build.string()));
    ASSERT_EQ(installed.exit_code, 0) << installed.err;
    fs::rename(path("first"), path("moved"));
  }

  Outputs moved(const std::string& arguments) const { return shell("moved/bin/recon " + arguments); }

  void expect_moved_error(const std::string& arguments, const std::vector<std::string>& words,
                          int exit_code = 2) const {
    const Outputs got = moved(arguments);
    EXPECT_EQ(got.exit_code, exit_code) << got.err;
    for (const auto& word : words) EXPECT_TRUE(contains(got.error(), word)) << arguments;
  }

  /// The files of extending.md, and its project built against the moved installation.
  void build_page_project() {
    for (const auto& [info, text] : blocks_of(fs::path(test::source_path()) / "recon/docs/extending.md")) {
      const std::size_t space = info.find(' ');
      if (space == std::string::npos || info.starts_with("python")) continue;
      fs::create_directories(path(info.substr(space + 1)).parent_path());
      write(info.substr(space + 1), text);
    }
    write_field_weights();
    const Outputs built = build("build", ".");
    ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  }
  /// What the page's Python, for which PyTorch would have to be here, writes into the prior's folder.
  void write_field_weights() const {
    const std::string header = R"({"variance":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                               R"("corner":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
    const std::uint64_t length = header.size();
    const std::array<float, 2> values = {30.0F, 0.02F};
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(values.data()), sizeof values);
    write("field/model.safetensors", bytes);
  }
  Outputs build(const std::string& folder, const std::string& source) const {
    return shell(
        fmt::format("cmake -G Ninja -S {} -B {} -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=\"$PWD/moved\" "
                    "-DCMAKE_CXX_COMPILER_LAUNCHER=\"$(command -v ccache)\" && cmake --build {} -j1",
                    source, folder, folder));
  }
  // What the commands of the page have made, looked at.

  void expect_operator() const {
    EXPECT_TRUE(contains(moved("list operators --plugin build/libvignetting.so").out, "vignetting"));
    const auto laws =
        moved("inspect --plugin build/libvignetting.so --operator '{type: vignetting}' --check --json").json();
    EXPECT_TRUE(laws["passed"].get<bool>());
    EXPECT_GE(laws["checks"].size(), 5U);
    expect_moved_error("inspect --plugin build/libvignetting.so --operator '{type: vignetting, radus: 2}'",
                       {"unknown key 'radus'", "radius"});
    expect_moved_error("inspect dark.h5 --check", {"unknown operator type 'vignetting'"}, 3);
  }

  void expect_metric_everywhere() const {
    const Outputs table = moved("run --force run.yaml --plugin build/libmean_error.so");
    EXPECT_TRUE(contains(table.out, "mean error")) << "the new metric in the table";
    const auto row = moved("run --force run.yaml --plugin build/libmean_error.so --json").json()["items"][0];
    const double error = row["mean_error"].get<double>();
    EXPECT_GT(error, 0);
    EXPECT_LT(error, 0.2);
    const at::Tensor stored = hdf5::File::open(path("bright.h5").string()).dataset("metrics/mean_error").read();
    EXPECT_DOUBLE_EQ(stored[0].item<double>(), error);
    write("compare.yaml",
          "plugins: [build/libvignetting.so, build/libmean_error.so]\ninput: dark.h5\nprior: natural_gray\n"
          "solvers: [{type: tikhonov_cg}]\noutput: compared/\n");
    const Outputs compared = moved("compare compare.yaml");
    EXPECT_EQ(compared.exit_code, 0) << compared.out << compared.err;
    std::string csv, html;
    for (const auto& entry : fs::recursive_directory_iterator(path("compared"))) {
      if (entry.path().extension() == ".csv") csv += file_content(entry.path());
      if (entry.path().extension() == ".html") html += file_content(entry.path());
    }
    EXPECT_TRUE(contains(csv.substr(0, csv.find('\n')), "mean_error"));
    EXPECT_NE(html.find("mean error"), std::string::npos);
    EXPECT_NE(html.find("mean absolute difference from the truth"), std::string::npos) << "the legend";
  }

  void expect_format() const {
    EXPECT_TRUE(contains(moved("list formats --plugin build/libcsv.so").out, "csv"));
    const auto found = moved("inspect frame.csv --plugin build/libcsv.so --json").json();
    EXPECT_EQ(found["format"], "csv");
    EXPECT_EQ(found["items"], 1);
    write("proposed.yaml", "plugins: [build/libcsv.so]\n" + found["config"].get<std::string>());
    const Outputs proposed = moved("run --force proposed.yaml --set input.scale=0.01 --set 'solver={type: tv_pdhg}'");
    EXPECT_EQ(proposed.exit_code, 0) << proposed.err;
    EXPECT_EQ(hdf5::File::open(path("disk.h5").string()).dataset("reconstructions").shape(), (Shape{1, 1, 32, 32}));
    write("ragged.csv", "1,2\n3\n");
    const auto fault = moved("inspect ragged.csv --plugin build/libcsv.so --json").json();
    EXPECT_TRUE(contains(fault["fault"].get<std::string>(), "expected rows of one length, found 3 numbers in 2 rows"));
    expect_moved_error("run frame.yaml --set input.seperator=x", {"unknown key 'seperator'", "separator"});
    expect_moved_error("run frame.csv --plugin build/libcsv.so --set estimate_noise=true",
                       {"frame.csv", "`operator` is missing: how were these data measured?"});
  }

  void expect_network() const {
    const auto row = moved(
                         "run --force run.yaml --plugin build/libgaussian_field.so --set prior=field/ --json "
                         "--set 'solver={type: diffpir, steps: 40}'")
                         .json()["items"][0];
    EXPECT_GT(row["psnr"].get<double>(), 18) << "20.06 when this was written";
    EXPECT_GT(row["nfe_forward"].get<int>(), 0) << "of the new network";
    expect_moved_error("inspect field/", {"got 'gaussian_field'"}, 3);
  }

  /// A plug-in of one source file.
  Outputs build_plugin(const std::string& name, const std::string& source, const std::string& options = "") const {
    fs::create_directories(path(name));
    write(name + "/plugin.cpp", source);
    write(name + "/CMakeLists.txt",
          "cmake_minimum_required(VERSION 3.25)\nproject(plugin CXX)\n"
          "find_package(recon REQUIRED COMPONENTS plugin)\n"
          "add_library(plugin MODULE plugin.cpp)\n" +
              options + "target_link_libraries(plugin PRIVATE recon::plugin)\n");
    return build(name + "/build", name);
  }
};

TEST_F(SlowInstallation, WorksWhereItWasMovedTo) {
  const Outputs list = moved("list priors");
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_TRUE(contains(list.out, "/moved/share/recon/priors/natural_gray"));
  const Outputs run = moved(
      "run moved/share/recon/configs/run/quickstart.yaml --set solver.steps=2 --set samples=1 --allow-misfit "
      "--set 'baselines=[{type: adjoint}]'");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  for (const char* name :
       {"share/man/man1/recon-run.1", "share/man/man7/recon-solvers.7", "share/doc/recon/recon/docs/extending.md",
        "share/bash-completion/completions/recon", "share/zsh/site-functions/_recon",
        "share/fish/vendor_completions.d/recon.fish", "include/recon/recon/core/plugin.h",
        "include/recon/operators/operator.h", "lib/cmake/recon/reconConfig.cmake"}) {
    EXPECT_TRUE(fs::exists(path("moved") / name)) << name;
  }
}

TEST_F(SlowInstallation, NothingNamesTheSourceTree) {
  const std::string program = file_content(path("moved/bin/recon"));
  EXPECT_EQ(program.find(test::source_path() + "/"), std::string::npos)
      << program.substr(program.find(test::source_path() + "/"), 200);
  for (const auto& entry : fs::recursive_directory_iterator(path("moved"))) {
    if (!entry.is_regular_file() || entry.path().extension() == ".a" || entry.path().extension() == ".png") continue;
    EXPECT_EQ(file_content(entry.path()).find(test::source_path() + "/"), std::string::npos) << entry.path();
  }
}

TEST_F(SlowInstallation, ThePageOnExtendingWorks) {
  build_page_project();
  const std::string source = file_content(path("vignetting.cpp"));
  EXPECT_LE(std::count(source.begin(), source.end(), '\n'), 60);
  fs::copy_file(path("moved/share/recon/data/samples/photograph.png"), path("sample.png"));
  int commands = 0;
  for (const auto& [info, text] : blocks_of(fs::path(test::source_path()) / "recon/docs/extending.md")) {
    if (info != "console") continue;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line); ++commands) {
      const Outputs got = shell("PATH=\"$PWD/moved/bin:$PATH\"; " + line);
      EXPECT_EQ(got.exit_code, 0) << line << "\n" << got.out << got.err;
    }
  }
  EXPECT_EQ(commands, 9);
  expect_operator();
  expect_metric_everywhere();
  expect_format();
  expect_network();
}

TEST_F(SlowInstallation, WrongPluginsAreOneError) {
  const std::string head = "#include \"operators/registry.h\"\n#include \"recon/core/plugin.h\"\n";
  ASSERT_EQ(build_plugin("taken", head + "static void add() {\n"
                                         "  recon::OperatorKind kind;\n  kind.name = \"blur\";\n"
                                         "  recon::mutable_operator_kinds().add(kind);\n}\n"
                                         "RECON_PLUGIN(\"taken\", \"1\", add)\n")
                .exit_code,
            0);
  expect_moved_error("list --plugin taken/build/libplugin.so",
                     {"libplugin.so: plug-in 'taken' cannot add its kinds", "blur"});
  ASSERT_EQ(build_plugin("lacking", head + "void nowhere();\nRECON_PLUGIN(\"lacking\", \"1\", nowhere)\n").exit_code,
            0);
  expect_moved_error("list --plugin lacking/build/libplugin.so", {"cannot be loaded as a plug-in", "undefined symbol"});
  const fs::path stamp = path("moved/include/recon/recon/core/headers_stamp.h");
  const std::string kept = file_content(stamp);
  fs::permissions(stamp, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(stamp) << "#pragma once\n#define RECON_VERSION \"0.0.9\"\n#define RECON_HEADERS_STAMP \"other\"\n";
  ASSERT_EQ(build_plugin("older", head + "static void add() {}\nRECON_PLUGIN(\"older\", \"1\", add)\n").exit_code, 0);
  std::ofstream(stamp) << kept;
  expect_moved_error("list --plugin older/build/libplugin.so",
                     {"was made for recon 0.0.9 (headers other", "this program is recon ", "rebuild it"});
}

TEST_F(SlowInstallation, TheLibrariesCanBeLinked) {
  for (const auto& [info, text] : blocks_of(fs::path(test::source_path()) / "recon/docs/extending.md")) {
    if (info == "cpp width.cpp") write("width.cpp", text);
    if (info == "cmake") write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(width CXX)\n" + text);
  }
  const Outputs built = build("build", ".");
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  EXPECT_EQ(shell("build/width").out, "identity 64\n");
}

}  // namespace
}  // namespace recon
