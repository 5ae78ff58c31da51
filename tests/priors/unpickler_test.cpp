// What the reader of pickles refuses, and what it says then.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/checkpoints/pickle.h"
#include "priors/checkpoints/torch_file.h"
#include "tests/priors/torch_files.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

using test::dict;
using test::global;
using test::little;
using test::pickle_of;
using test::storage;
using test::tensor;
using test::text;
using test::tuple;
using test::whole;

/// What is said about the program of a pickle; empty when its state dict is taken.
std::string complaint(const std::string& program) {
  return test::complaint([&] { state_dict_of(unpickle(pickle_of(program), "file"), {}, "file"); });
}

const std::string kGood = dict({{"w", tensor(storage("0", 6), 0, {2, 3}, {3, 1})}});

TEST(Unpickler, ReadsAStateDict) {
  const std::string program = global("collections", "OrderedDict") + ")R" + "(" + text("w") +
                              tensor(storage("0", 7), 1, {2, 3}, {1, 2}) + text("half") +
                              tensor(storage("k", 4, "HalfStorage"), 0, {}, {}) + "u" +
                              // BUILD with the attribute that torch keeps beside the weights
                              "}" + text("_metadata") + test::ordered_dict() + "sb";
  const auto tensors = state_dict_of(unpickle(pickle_of(program), "file"), {}, "file");
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_EQ(tensors.at("w").shape, (Shape{2, 3}));
  EXPECT_EQ(tensors.at("w").strides, (Shape{1, 2}));
  EXPECT_EQ(tensors.at("w").offset, 1);
  EXPECT_EQ(tensors.at("half").storage.dtype, at::kHalf);
  EXPECT_EQ(tensors.at("half").storage.key, "k");
}

TEST(Unpickler, ReadsWhatLiesBesideTheWeights) {
  const std::string one_and_a_half("\x3f\xf8\0\0\0\0\0\0", 8), negative("\x8a\x02\0\x80", 4);
  const std::string items =
      "]q\x02(K\x01M\x02\x03J" + little(0xFFFFFF65U, 4) + "G" + one_and_a_half + "\x88N" + negative + "e";
  const std::string program = "}q\x01(" + text("a") + items + text("b") + "h\x02\x85" + text("c") + "h\x02N\x86u";
  const Pickle pickle = unpickle(pickle_of(program), "file");
  const auto& root = std::get<PickleDict>(pickle[pickle.root]).items;
  ASSERT_EQ(root.size(), 3U);
  const auto& list = std::get<PickleSequence>(pickle[root[0].second]).items;
  ASSERT_EQ(list.size(), 7U);
  EXPECT_EQ(std::get<std::int64_t>(pickle[list[0]]), 1);
  EXPECT_EQ(std::get<std::int64_t>(pickle[list[1]]), 0x302);
  EXPECT_EQ(std::get<std::int64_t>(pickle[list[2]]), -155);
  EXPECT_EQ(std::get<double>(pickle[list[3]]), 1.5);
  EXPECT_TRUE(std::get<bool>(pickle[list[4]]));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(pickle[list[5]]));
  EXPECT_EQ(std::get<std::int64_t>(pickle[list[6]]), -32768);
}

TEST(Unpickler, RefusesCodeByItsName) {
  const std::string command = tuple(text("touch /tmp/owned")) + "R";
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"posix", "system"},
                                                        {"nt", "system"},
                                                        {"os", "system"},
                                                        {"builtins", "eval"},
                                                        {"__builtin__", "exec"},
                                                        {"subprocess", "Popen"},
                                                        {"torch.hub", "load"},
                                                        {"numpy.core.multiarray", "scalar"},
                                                        {"torch._utils", "_rebuild_tensor"},
                                                        {"torch", "UntypedStorage"},
                                                        {"torch.nn.modules.conv", "Conv2d"}}) {
    test::expect_says(complaint(global(module, name) + command), {"'" + module + "." + name + "'", "refused"});
    const std::string by_stack = text(module) + text(name) + "\x93";
    test::expect_says(complaint(by_stack + command), {"'" + module + "." + name + "'", "refused"});
  }
  test::expect_says(complaint("(" + text("ls") + "ios\nsystem\n"), {"opcode 0x69"});                // INST
  test::expect_says(complaint("(" + global("collections", "OrderedDict") + "o"), {"opcode 0x6f"});  // OBJ
  test::expect_says(complaint(global("collections", "OrderedDict") + ")\x81"), {"opcode 0x81"});    // NEWOBJ
  test::expect_says(complaint("\x82\x01"), {"opcode 0x82"});                                        // EXT1
  test::expect_says(complaint("Pname\n"), {"opcode 0x50"});                                         // PERSID
  test::expect_says(complaint("S'x'\n"), {"opcode 0x53"});                                          // STRING
  // A name that is known does not make every call of it known, nor state on what is none of ours.
  test::expect_says(complaint(global("torch", "FloatStorage") + tuple(whole(8)) + "R"), {"torch.FloatStorage"});
  test::expect_says(complaint(global("collections", "OrderedDict") + tuple(text("x")) + "R"), {"OrderedDict"});
  test::expect_says(complaint(global("collections", "OrderedDict") + "}b"), {"attributes"});
  test::expect_says(complaint(text("x") + ")R"), {"calls a text"});
  test::expect_says(complaint(global("po\x01six", std::string(500, 'x'))), {"'po?six.xxx"});
}

TEST(Unpickler, RefusesWhatWouldTakeMemory) {
  const std::string far(8, '\x7f');
  test::expect_says(complaint("\x8d" + far + "abc"), {"promised", "truncated"});
  test::expect_says(complaint("X\xff\xff\xff\xff"
                              "abc"),
                    {"promised", "truncated"});
  test::expect_says(complaint("\x95" + far), {"frame"});
  test::expect_says(complaint("\x8a\xff" + std::string(255, 'a')), {"255 bytes, at most 8"});
  test::expect_says(complaint("\x8b\xff\xff\xff\x7f"), {"opcode 0x8b"});  // LONG4
  test::expect_says(complaint("\x8e" + far), {"opcode 0x8e"});            // BINBYTES8
  test::expect_says(complaint(std::string(kMaxPickleValues + 1, 'N')), {"more than 1000000 values"});
  test::expect_says(complaint(std::string(kMaxPickleBytes, 'N')), {"limit 16777216"});
  test::expect_says(complaint(dict({{"w", tensor(storage(std::string(65, 'k'), 1), 0, {1}, {1})}})), {"65 letters"});
  // Deep nesting costs no stack.
  std::string deep(100'000, '(');
  deep += std::string(100'000, 't');
  test::expect_says(complaint(deep), {"holds a list or a tuple"});
}

TEST(Unpickler, RefusesValuesThatContainThemselves) {
  test::expect_says(complaint("]q\x01h\x01"
                              "a"),
                    {"a list or a tuple contains itself"});
  test::expect_says(complaint("}q\x01" + text("self") + "h\x01s"), {"a dict contains itself"});
  test::expect_says(complaint("]q\x01" + tuple("}q\x02" + text("up") + "h\x01s") + "a"), {"contains itself"});
  // The same value twice is no cycle.
  EXPECT_EQ(complaint("}(" + text("a") + tensor(storage("0", 1), 0, {1}, {1}) + "q\x01" + text("b") + "h\x01u"), "");
}

TEST(Unpickler, RefusesViewsThatLie) {
  const auto one = [](std::int64_t numel, std::int64_t offset, const std::vector<std::int64_t>& shape,
                      const std::vector<std::int64_t>& strides) {
    return complaint(dict({{"w", tensor(storage("0", numel), offset, shape, strides)}}));
  };
  EXPECT_EQ(one(6, 0, {2, 3}, {3, 1}), "");
  EXPECT_EQ(one(6, 0, {0, 3}, {3, 1}), "");
  EXPECT_EQ(one(1, 0, {1, 1}, {100, 100}), "");  // an axis of length 1 may have any stride
  test::expect_says(one(-1, 0, {0}, {1}), {"negative size -1"});
  test::expect_says(one(6, -1, {2}, {1}), {"goes beyond"});
  test::expect_says(one(6, 0, {-2}, {1}), {"shape", "got -2"});
  test::expect_says(one(6, 0, {2}, {-1}), {"strides", "got -1"});
  test::expect_says(one(6, 1, {2, 3}, {3, 1}), {"goes beyond its storage of 6"});
  test::expect_says(one(6, INT64_MAX, {1}, {1}), {"goes beyond"});
  test::expect_says(one(INT64_MAX, INT64_MAX, {2}, {1}), {"goes beyond"});
  test::expect_says(one(6, 0, {INT64_MAX, INT64_MAX}, {INT64_MAX, 1}), {"goes beyond"});
  test::expect_says(one(6, 0, {2, 3}, {1}), {"do not go together"});
  test::expect_says(one(6, 0, {1000, 6}, {0, 1}), {"its elements overlap"});
  test::expect_says(one(6, 0, {3, 2}, {1, 1}), {"its elements overlap"});
  test::expect_says(one(6, 0, std::vector<std::int64_t>(17, 1), std::vector<std::int64_t>(17, 1)), {"at most 16"});
}

TEST(Unpickler, RefusesTensorsThatOverlap) {
  const auto two = [](const std::string& a, const std::string& b) { return complaint(dict({{"a", a}, {"b", b}})); };
  const std::string from = storage("0", 8);
  EXPECT_EQ(two(tensor(from, 0, {4}, {1}), tensor(from, 4, {4}, {1})), "");
  EXPECT_EQ(two(tensor(from, 0, {4}, {1}), tensor(from, 0, {4}, {1})), "");  // tied weights
  test::expect_says(two(tensor(from, 0, {5}, {1}), tensor(from, 4, {4}, {1})), {"'a' and 'b' overlap", "'0'"});
  test::expect_says(two(tensor(from, 0, {4}, {1}), tensor(from, 0, {2, 2}, {2, 1})), {"overlap"});
  test::expect_says(two(tensor(from, 0, {4}, {1}), tensor(storage("0", 9), 4, {4}, {1})), {"disagree"});
}

TEST(Unpickler, RefusesBrokenPrograms) {
  for (const char* program : {"",
                              "t",
                              "u",
                              "e",
                              "R",
                              "s",
                              "a",
                              "b",
                              "Q",
                              "0",
                              "(t(",
                              "h\x05",
                              "j\x05\x05\x05\x05",
                              "q\x01",
                              "NN",
                              "N(",
                              "\x85",
                              "\x93",
                              "]Na",
                              "N]a",
                              ")Na",
                              "}(Nu",
                              "cno newline",
                              "\x80\x07",
                              "(0"}) {
    EXPECT_NE(complaint(program), "") << program;
  }
  const std::string good = pickle_of(kGood);
  for (std::size_t length = 0; length < good.size(); ++length) {
    test::expect_says(test::complaint([&] { unpickle(good.substr(0, length), "file"); }), {"file byte", "truncated"});
  }
}

TEST(Unpickler, SaysWhereTheWeightsMayBe) {
  const std::string nested = dict({{"step", "K\x01"}, {"ema", dict({{"model", kGood}})}});
  const auto chosen = [&](const std::vector<std::string>& keys) {
    return test::complaint([&] { state_dict_of(unpickle(pickle_of(nested), "file"), keys, "file"); });
  };
  test::expect_says(chosen({}), {"'step' (a number), 'ema' (a dict)", "weights_key"});
  test::expect_says(chosen({"state_dict"}), {"no 'state_dict'", "'ema' (a dict)"});
  test::expect_says(chosen({"step"}), {"'step' holds a number"});
  test::expect_says(chosen({"ema"}), {"'model' (a dict)"});
  EXPECT_EQ(chosen({"ema", "model"}), "");
  test::expect_says(complaint("}"), {"no tensors"});
  test::expect_says(complaint("]"), {"holds a list"});
  test::expect_says(
      complaint(dict({{"a", tensor(storage("0", 1), 0, {1}, {1})}, {"a", tensor(storage("1", 1), 0, {1}, {1})}})),
      {"'a' is there twice"});
}

}  // namespace
}  // namespace recon
