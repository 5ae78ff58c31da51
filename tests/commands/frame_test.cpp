// The frame of the program: help, list, inspect, usage errors, JSON.
#include <algorithm>
#include <set>
#include <sstream>

#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

using nlohmann::json;

class Frame : public ProgramTest {
 protected:
  /// What the program's own help lists under "SUBCOMMANDS", each with a space, and the program without a verb.
  std::vector<std::string> verbs() const {
    std::vector<std::string> found = {""};
    std::istringstream help(recon("--help").out);
    bool listing = false;
    for (std::string line; std::getline(help, line);) {
      const bool entry = line.starts_with("  ") && line.size() > 2 && line[2] != ' ';
      if (listing && entry) found.push_back(line.substr(2, line.find(' ', 2) - 2) + " ");
      if (!line.starts_with(" ")) listing = line.find("ubcommands") != std::string::npos || line == "SUBCOMMANDS:";
    }
    return found;
  }
};

TEST_F(Frame, HelpListsEveryVerb) {
  const std::vector<std::string> found = verbs();
  for (const std::string verb :
       {"run ", "batch ", "compare ", "simulate ", "sample ", "train ", "import ", "export ", "inspect ", "list "}) {
    EXPECT_NE(std::find(found.begin(), found.end(), verb), found.end()) << verb;
  }
}

TEST_F(Frame, HelpHasExamplesAndExitCodesForEveryVerb) {
  for (const std::string& verb : verbs()) {
    const Outputs got = recon(verb + "--help");
    EXPECT_EQ(got.exit_code, 0);
    EXPECT_EQ(got.err, "");
    EXPECT_TRUE(contains(got.out, "Examples:\n  ")) << verb;
    EXPECT_TRUE(contains(got.out, "Exit codes: 0 ok; 1 ")) << verb;
    if (!verb.empty()) {
      for (const std::string option : {"--set", "--device", "--seed", "--threads", "--json", "--quiet"}) {
        EXPECT_TRUE(contains(got.out, option)) << verb;
      }
    }
  }
  EXPECT_TRUE(contains(recon("--version").out, "recon 0."));
}

TEST_F(Frame, TheConfigsThatHelpNamesExist) {
  std::size_t named = 0;
  for (const std::string& verb : verbs()) {
    const std::string help = recon(verb + "--help").out;
    for (std::size_t at = 0; (at = help.find("configs/", at)) != std::string::npos; ++at, ++named) {
      const std::string file = help.substr(at, help.find_first_of(" \n", at) - at);
      EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(test::source_path()) / file)) << file;
    }
  }
  EXPECT_GE(named, 10U);
}

TEST_F(Frame, UsageErrorsAreOneLineAndExitCode2) {
  expect_error("", 2, {"subcommand"});
  expect_error("rn x.yaml", 2, {"no verb 'rn'", "did you mean 'run'?"});
  expect_error("run", 2, {"CONFIG"});
  expect_error("run x.yaml --stes", 2, {"--stes"});
  expect_error("run x.yaml --threads -3", 2, {"threads"});
  expect_error("run missing.yaml", 2, {"missing.yaml: no such file"});
  expect_error("inspect missing.h5", 2, {"missing.h5: no such file"});
  expect_error("inspect", 2, {"TARGET"});
  expect_error("list foo", 2, {"foo"});
  write("empty.yaml", "");
  expect_error("run empty.yaml", 2, {"empty.yaml: `input` is missing"});
  expect_error("simulate empty.yaml", 2, {"empty.yaml: `images` is missing"});
  expect_error("run empty.yaml --set input=a.h5 --device gpu", 2, {"device: expected auto, cpu, cuda"});
}

TEST_F(Frame, ConfigErrorsNameLineKeyAndNearest) {
  write("typo.yaml", "input: a.h5\nsolver:\n  type: dps\n  stesp: 3\n");
  expect_error("run typo.yaml", 2, {"typo.yaml:4: unknown key 'stesp' in solver; did you mean 'steps'?"});
  write("twice.yaml", "input: a.h5\ninput: b.h5\n");
  expect_error("run twice.yaml", 2, {"twice.yaml:2: duplicate key 'input'"});
  write("type.yaml", "input: a.h5\nsolver: {type: dsp}\n");
  expect_error("run type.yaml", 2, {"type.yaml:2", "dsp", "dps"});
  write("limit.yaml", "input: a.h5\nsamples: 0\n");
  expect_error("run limit.yaml", 2, {"limit.yaml:2: samples: expected a whole number >= 1 and <= 1024, found '0'"});
  write("choice.yaml", "input: a.h5\ncomplex_image: magnitud\n");
  expect_error("run choice.yaml", 2, {"choice.yaml:2", "did you mean 'magnitude'?"});
  expect_error("run typo.yaml --set solver.type=dps --set solver.steps=x", 2,
               {"--set solver.steps: steps: expected a whole number >= 0, found 'x'"});
  write("two.yaml", "input: a.h5\nsolver: [{type: dps}, {type: diffpir}]\n");
  expect_error("run two.yaml", 2, {"two.yaml:2 solver: expected one solver"});
}

TEST_F(Frame, ListJsonHasEveryParameterWithItsDefault) {
  const Outputs got = recon("list --json");
  ASSERT_EQ(got.exit_code, 0);
  EXPECT_EQ(got.err, "");
  const json list = got.json();
  const auto parameters = [&](const std::string& topic, const std::string& name) {
    for (const auto& entry : list[topic]) {
      if (entry["name"] == name) return entry["parameters"];
    }
    ADD_FAILURE() << "no " << topic << " " << name;
    return json::array();
  };
  std::set<std::string> names;
  for (const auto& parameter : parameters("solvers", "dps")) {
    names.insert(parameter["name"].get<std::string>());
    EXPECT_TRUE(parameter.contains("default")) << parameter;
    EXPECT_FALSE(parameter["doc"].get<std::string>().empty());
  }
  EXPECT_TRUE(names.contains("steps") && names.contains("guidance"));
  for (const char* name : {"identity", "inpainting", "blur", "super_resolution", "fourier", "compose"}) {
    parameters("operators", name);
  }
  parameters("priors", "natural_gray");
  EXPECT_GE(parameters("samplers", "edm_stochastic").size(), 8U);
  for (const char* name : {"vp_linear", "vp_scaled_linear", "vp_cosine", "vp_sigmoid", "tabulated", "vp_continuous",
                           "cosine_continuous", "ve_geometric", "edm_rho"}) {
    EXPECT_FALSE(parameters("schedules", name).empty()) << name;
  }
  EXPECT_TRUE(parameters("schedules", "flow").empty());
  EXPECT_EQ(parameters("schedules", "ve_geometric")[1]["default"], 50);
  for (const char* name : {"uniform_t", "quadratic_t", "uniform_log_snr", "karras", "trailing", "linspace"}) {
    parameters("spacings", name);
  }
  EXPECT_EQ(parameters("spacings", "leading")[0]["name"], "steps_offset");
  EXPECT_TRUE(contains(recon("list schedules").out, "time -1 to 999, relative sigma 0.01 to 157.4"));
  EXPECT_TRUE(contains(recon("list solvers").out, "steps"));
  EXPECT_TRUE(contains(recon("list samplers").out, "network passes: 2 steps - 1"));
  EXPECT_EQ(parameters("formats", "fastmri")[0]["name"], "crop");
  EXPECT_EQ(parameters("formats", "dataset")[0]["name"], "dataset");
  EXPECT_TRUE(contains(recon("list formats").out, "recognised by itself"));
}

TEST_F(Frame, JsonStandsAloneOnStdoutAlsoAfterAFault) {
  for (const std::string arguments : {"run missing.yaml --json", "inspect missing.h5 --json", "lst --json"}) {
    const Outputs got = recon(arguments);
    EXPECT_EQ(got.exit_code, 2);
    const json error = got.json()["error"];
    EXPECT_EQ(error["kind"], "usage");
    EXPECT_EQ(error["exit_code"], 2);
    EXPECT_EQ(error["message"], got.error());
  }
}

TEST_F(Frame, AProfileHoldsWhatWasComputed) {
  const std::string run = fmt::format("run '{}' --solver '{{type: dps, steps: 1}}' --allow-misfit -o x.h5 --profile ",
                                      test::source_path("data/samples/photograph_blur.h5"));
  expect_error(run + "nowhere/p.json", 2, {"--profile", "nowhere/p.json"});
  const Outputs got = recon(run + "p.json");
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.err.find("ERROR"), std::string::npos) << got.err;
  std::set<std::string> names;
  const json trace = json::parse(file_content(path("p.json")));
  for (const auto& event : trace["traceEvents"]) names.insert(event["name"]);
  for (const char* name : {"aten::convolution", "aten::convolution_backward"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_FALSE(std::filesystem::exists(path("p.json.partial")));
}

TEST_F(Frame, InspectChecksOperatorsAndPriors) {
  const Outputs op = recon("inspect --operator '{type: blur, std_px: 1}' --image 1,16,16 --check --json");
  EXPECT_EQ(op.exit_code, 0);
  EXPECT_TRUE(op.json()["passed"].get<bool>());
  EXPECT_GE(op.json()["checks"].size(), 5U);
  expect_error("inspect --operator '{type: blur, std: 1}'", 2, {"unknown key 'std' in operator"});
  expect_error("inspect --operator '{type: blr}'", 2, {"unknown operator type 'blr'", "blur"});
  expect_error("inspect --operator '{type: blur, kernel: {dataset: k}}'", 2, {"inside a measurement file"});
  write("op.yaml", "operator:\n  type: super_resolution\n  factor: 0\n");
  expect_error("inspect op.yaml", 2, {"op.yaml:3: factor: expected a whole number >= 2"});
  const Outputs prior = recon("inspect natural_gray --check --json");
  EXPECT_EQ(prior.exit_code, 0) << prior.err;
  EXPECT_EQ(prior.json()["prediction"], "v");
}

TEST_F(Frame, LyingSafetensorsAreBadData) {
  const std::string header = R"({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1000000]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  write("lie.safetensors", bytes + header + std::string(16, 'x'));
  expect_error("inspect lie.safetensors", 3, {"lie.safetensors", "'w'"});
  std::filesystem::create_directories(path("prior"));
  write("prior/config.json", "{\"_class_name\": \"UNet2DModel\"");
  expect_error("inspect prior", 3, {"config.json"});
  write("noise.bin", std::string("\x01\x02\x03", 3));
  expect_error("inspect noise.bin", 3, {"noise.bin: expected an HDF5 file"});
}

}  // namespace
}  // namespace recon
