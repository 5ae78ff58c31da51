// Configs from YAML: what is read, and that every slip is one error with its location.
#include "recon/config/config.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "recon/config/option_lister.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"

namespace recon {
namespace {

struct Options {
  std::int64_t steps = 60;
  double step_size = 0.5;
  std::string norm = "residual";
  std::optional<double> noise_std;
  std::vector<double> weights = {1, 2};
  std::vector<std::string> items = {"all"};
  bool keep = false;
  at::Tensor kernel;

  void visit(ParameterVisitor& v) {
    v.field("steps", steps, "network steps", {.min = 1, .max = 1000});
    v.field("step_size", step_size, "length", {.min = 0, .open_min = true});
    v.choice("norm", norm, {"residual", "squared"}, "which norm");
    v.field("noise_std", noise_std, "noise", {.min = 0});
    v.field("weights", weights, "weights");
    v.field("items", items, "items");
    v.field("keep", keep, "keep");
    v.array("kernel", kernel, "kernel");
  }
};

Options read(const std::string& text) {
  const Config config = Config::from_text(text, "run.yaml");
  Options options;
  checked_read(config.root(), "", {}, [&](YamlOptions& v) { options.visit(v); });
  return options;
}

/// The message of the Error(usage) that reading throws; "no error" when it throws none.
std::string fault(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
    return error.what();
  }
  return "no error";
}

testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
}

TEST(Config, ReadsEveryTypeAndKeepsDefaults) {
  const Options options = read(
      "steps: 7\nstep_size: 2.5e-1\nnorm: squared\nnoise_std: 0.1\nweights: 3\nitems: [a, '7']\nkeep: true\n"
      "kernel: [[0, 1.5], [2, -3]]\n");
  EXPECT_EQ(options.steps, 7);
  EXPECT_EQ(options.step_size, 0.25);
  EXPECT_EQ(options.norm, "squared");
  EXPECT_EQ(options.noise_std, 0.1);
  EXPECT_EQ(options.weights, std::vector<double>{3});
  EXPECT_EQ(options.items, (std::vector<std::string>{"a", "7"}));
  EXPECT_TRUE(options.keep);
  EXPECT_TRUE(at::equal(options.kernel, at::tensor({0.0, 1.5, 2.0, -3.0}, at::kDouble).reshape({2, 2})));
  const Options defaults = read("");
  EXPECT_EQ(defaults.steps, 60);
  EXPECT_FALSE(defaults.noise_std.has_value());
  EXPECT_FALSE(read("noise_std: null").noise_std.has_value());
}

TEST(Config, EverySlipNamesItsLineWhatWasExpectedAndWhatWasFound) {
  EXPECT_EQ(fault("keep: true\nstesp: 3"), "run.yaml:2: unknown key 'stesp'; did you mean 'steps'?");
  EXPECT_EQ(fault("steps: many"), "run.yaml:1: steps: expected a whole number >= 1 and <= 1000, found 'many'");
  EXPECT_EQ(fault("\nsteps: 0"), "run.yaml:2: steps: expected a whole number >= 1 and <= 1000, found '0'");
  EXPECT_EQ(fault("steps: 2.5"), "run.yaml:1: steps: expected a whole number >= 1 and <= 1000, found '2.5'");
  EXPECT_EQ(fault("steps: 99999999999999999999"),
            "run.yaml:1: steps: expected a whole number >= 1 and <= 1000, found '99999999999999999999'");
  EXPECT_EQ(fault("step_size: 0"), "run.yaml:1: step_size: expected a number > 0, found '0'");
  EXPECT_EQ(fault("step_size: .nan"), "run.yaml:1: step_size: expected a number > 0, found '.nan'");
  EXPECT_EQ(fault("step_size: '1'"), "run.yaml:1: step_size: expected a number > 0, found the quoted text '1'");
  EXPECT_EQ(fault("step_size: 1e999"), "run.yaml:1: step_size: expected a number > 0, found '1e999'");
  EXPECT_EQ(fault("keep: yes"), "run.yaml:1: keep: expected true or false, found 'yes'");
  EXPECT_EQ(fault("norm: [a]"), "run.yaml:1: norm: expected a text, found a list of 1");
  EXPECT_EQ(fault("norm: squard"),
            "run.yaml:1: norm: expected one of residual, squared; found 'squard'; did you mean 'squared'?");
  EXPECT_EQ(fault("steps: 3\nkeep: true\nsteps: 4"),
            "run.yaml:3: duplicate key 'steps' (first given at run.yaml:1); remove one");
  EXPECT_EQ(fault("kernel: [[1, 2],\n [3]]"),
            "run.yaml:2: kernel: expected rows of equal length, here 2, found a list of 1");
  EXPECT_EQ(fault("kernel: [1, [2]]"), "run.yaml:1: kernel: expected rows of equal length, here 0, found a list of 1");
  EXPECT_EQ(fault("kernel: {file: k.png}"), "run.yaml:1: kernel: expected a list of numbers, found a section of keys");
  EXPECT_EQ(fault("- a\n- b"), "run.yaml:1: expected a config of `key: value` lines, found a list of 2");
  EXPECT_EQ(fault("? [a]\n: 1"),
            "run.yaml:1: expected a key (a word before ':'), found something else; is a bracket left open?");
}

TEST(Config, HostileTextsAreOneErrorEach) {
  EXPECT_TRUE(contains(fault("steps: 3\n\tkeep: true"), "run.yaml:2: not valid YAML: "));
  EXPECT_TRUE(contains(fault("steps: [3"), "run.yaml:1: not valid YAML"));
  EXPECT_EQ(fault(std::string("steps: 3\n\0x", 11)), "run.yaml:2: expected YAML text, found binary data");
  EXPECT_TRUE(contains(fault("steps: 3\n---\nsteps: 4"), "expected one YAML document"));
  EXPECT_TRUE(contains(fault("kernel: " + std::string(1000, '[') + std::string(1000, ']')), "nested deeper than 32"));
  EXPECT_TRUE(contains(fault("kernel: " + std::string(100000, '[')), "run.yaml:1: "));
  EXPECT_TRUE(contains(fault("a: &x [*x]"), "alias"));
  EXPECT_TRUE(contains(fault("a: *nowhere"), "not valid YAML"));
  std::string bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";  // ten times as many values with each line
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", i, i - 1);
  }
  EXPECT_TRUE(contains(fault(bomb), "run.yaml:6: more than 200000 values (aliases written out)"));
  EXPECT_THROW(Config::from_file("/nonexistent.yaml"), Error);
  EXPECT_THROW(Config::from_file("/tmp"), Error);
}

TEST(Config, OverridesReplaceAddAndNameThemselves) {
  Config config =
      Config::from_text("solver: {type: dps, steps: 5}\nbaselines: [{type: a}, {type: b}]", "run.yaml", "dir");
  config.set("solver.steps=9");
  config.set("baselines.1.type=c");
  config.set("baselines.2.type=d");
  config.set("noise.std=[0.1, 0.2]");
  config.set("note=");
  const auto& root = *config.root();
  EXPECT_EQ(root.find("solver")->value->find("steps")->value->text, "9");
  const YamlNode& steps = *root.find("solver")->value->find("steps")->value;
  EXPECT_EQ(steps.location, "--set solver.steps");
  EXPECT_EQ(steps.location_of("steps"), "--set solver.steps") << "the name once";
  EXPECT_EQ(steps.location_of("eps"), "--set solver.steps eps") << "only a whole name";
  EXPECT_EQ(root.find("solver")->value->find("type")->value->text, "dps");
  ASSERT_EQ(root.find("baselines")->value->items.size(), 3U);
  EXPECT_EQ(root.find("baselines")->value->items[1]->find("type")->value->text, "c");
  EXPECT_EQ(root.find("noise")->value->find("std")->value->items.size(), 2U);
  EXPECT_EQ(root.find("note")->value->kind, YamlNode::Kind::scalar);
  EXPECT_EQ(root.find("note")->value->text, "");
  const auto message = [&](const std::string& assignment) -> std::string {
    try {
      config.set(assignment);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message("steps"), "--set: expected KEY.KEY...=VALUE, found 'steps'");
  EXPECT_EQ(message("solver..x=1"), "--set solver..x: expected KEY.KEY...=VALUE, found an empty key");
  EXPECT_EQ(message("baselines.7.type=a"), "--set baselines.7.type: '7' is no index into a list of 3; expected 0 to 3");
  EXPECT_EQ(message("baselines.x=a"), "--set baselines.x: 'x' is no index into a list of 3; expected 0 to 3");
  EXPECT_EQ(message("solver.type.x=1"), "--set solver.type.x: 'x' cannot be set: its parent is 'dps', not a section");
  config.set("solver=tv_pdhg");
  config.set("solver.iterations=7");
  const YamlNode& solver = *config.root()->find("solver")->value;
  EXPECT_EQ(solver.find("type")->value->text, "tv_pdhg") << "a word is the kind with its defaults";
  EXPECT_EQ(solver.find("iterations")->value->text, "7");
  EXPECT_TRUE(contains(message("solver.steps=[1"), "--set solver.steps: expected a key"));
}

TEST(Config, PathsStartAtTheConfigUnlessGivenOnTheCommandLine) {
  Config config = Config::from_text("input: ../a.h5\nprior: /abs\n", "configs/run.yaml", "configs/run");
  config.set("output=here.h5");
  YamlOptions options(config.root(), "");
  EXPECT_EQ(options.path_of("input", "../a.h5"), "configs/a.h5");
  EXPECT_EQ(options.path_of("prior", "/abs"), "/abs");
  EXPECT_EQ(options.path_of("output", "here.h5"), "here.h5");
  EXPECT_EQ(options.path_of("absent", "default"), "default");
}

TEST(YamlOptions, AWordIsASectionWithThatTypeAndNothingElse) {
  const Config config = Config::from_text("solver: dps\ntraining: 5\nsolvers: [dps, {type: tv_pdhg}]\n", "c.yaml");
  YamlOptions options(config.root(), "");
  std::vector<std::string> types;
  for (const char* key : {"solver", "solvers"}) {
    for (const auto& section : options.sections(key, "")) {
      std::string type;
      section->field("type", type, "");
      types.push_back(type);
    }
  }
  EXPECT_EQ(types, (std::vector<std::string>{"dps", "dps", "tv_pdhg"}));
  std::int64_t steps = 3;
  for (const auto& section : options.sections("training", "")) section->field("steps", steps, "");
  try {
    options.finish();
    FAIL() << "a number is no kind of training";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "c.yaml:2: training: expected a section of `key: value` lines, found '5'");
  }
  EXPECT_EQ(options.resolved()["solver"].dump(), R"({"type":"dps"})") << "resolved as the section that it stands for";
}

TEST(YamlOptions, SubSectionsAreReadAndTheirUnknownKeysRefused) {
  const auto visit = [](YamlOptions& v) {
    for (const auto& part : v.sections("parts", "parts")) {
      std::int64_t n = 1;
      part->field("n", n, "n");
    }
  };
  const auto read_text = [&](const std::string& text) {
    return checked_read(Config::from_text(text, "x.yaml").root(), "", {}, visit).resolved().dump();
  };
  EXPECT_EQ(read_text("parts: [{n: 2}, {}]"), R"({"parts":[{"n":2},{"n":1}]})");
  EXPECT_EQ(read_text("parts: {n: 2}"), R"({"parts":{"n":2}})");
  EXPECT_EQ(read_text(""), R"({"parts":[]})");
  try {
    read_text("parts:\n  - {n: 2}\n  - n: 1\n    m: 3");
    ADD_FAILURE() << "an unknown key was accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "x.yaml:4: unknown key 'm' in parts.1; known: n");
  }
}

TEST(YamlOptions, AMistypedKeyIsReportedBeforeWhatItsAbsenceBreaks) {
  const auto visit = [](YamlOptions& v) {
    std::string file;
    v.field("file", file, "needed");
    if (v.reading() && file.empty()) throw usage_error(v.location(), "file is missing");
  };
  try {
    checked_read(Config::from_text("fiel: a", "x.yaml").root(), "mask", {}, visit);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "x.yaml:1: unknown key 'fiel' in mask; did you mean 'file'?");
  }
}

TEST(YamlOptions, ArraysComeFromTheSourceAndAreWrittenAsItSays) {
  int loads = 0;
  const ArraySource source = [&](const YamlNode& node, const std::string& option) {
    ++loads;
    EXPECT_EQ(option, "kernel");
    EXPECT_EQ(node.find("file")->value->text, "k.png");
    return LoadedArray{at::ones({2}), {{"dataset", "kernel"}}};
  };
  Options options;
  const auto read = checked_read(Config::from_text("kernel: {file: k.png}", "x.yaml").root(), "", source,
                                 [&](YamlOptions& v) { options.visit(v); });
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(options.kernel.numel(), 2);
  EXPECT_EQ(read.resolved()["kernel"].dump(), R"({"dataset":"kernel"})");
}

TEST(YamlOptions, TheResolvedOptionsReadBackTheSame) {
  const auto visit = [](YamlOptions& v) {
    Options options;
    options.visit(v);
    for (const auto& part : v.sections("parts", "parts")) {
      std::string text = "x: y # no comment";
      part->field("text", text, "a text that needs quotes");
      part->sections("inner", "");
    }
  };
  const auto config = Config::from_text("steps: 3\nkernel: [[1, 2], [3, 4]]\nparts: [{}, {inner: [{}]}]", "a.yaml");
  const auto first = checked_read(config.root(), "", {}, visit).resolved();
  const std::string text = to_yaml(first);
  EXPECT_EQ(checked_read(Config::from_text(text, "b.yaml").root(), "", {}, visit).resolved(), first) << text;
}

TEST(OptionLister, ListsWhatThereIs) {
  OptionLister lister;
  Options options;
  options.visit(lister);
  const auto& list = lister.options();
  ASSERT_EQ(list.size(), 8U);
  EXPECT_EQ(list[0].dump(),
            R"({"name":"steps","type":"integer","default":60,"doc":"network steps","limits":">= 1 and <= 1000"})");
  EXPECT_EQ(list[2]["choices"].dump(), R"(["residual","squared"])");
  EXPECT_TRUE(list[3]["default"].is_null());
  const std::string text = options_as_text(list, 2);
  EXPECT_TRUE(contains(text, "  steps "));
  EXPECT_TRUE(contains(text, "which norm (residual | squared)"));
}

}  // namespace
}  // namespace recon
