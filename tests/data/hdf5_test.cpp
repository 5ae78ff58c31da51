#include "data/hdf5/hdf5_file.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <thread>

#include "tests/data/data_support.h"

namespace recon {
namespace {

using namespace testing_data;
using hdf5::File;

class Hdf5 : public DataTest {};

at::Tensor ramp(at::ScalarType dtype) { return at::arange(12, at::kDouble).reshape({3, 4}).to(dtype); }

TEST_F(Hdf5, EveryTypeComesBackBitForBit) {
  const at::Tensor signs =
      at::tensor({0.0, -0.0, 1e-310, std::nan("0x123"), INFINITY, -1.0 / 3}, at::kDouble).view({2, 3});
  std::map<std::string, at::Tensor> tensors = {{"f64", signs}, {"f32", signs.to(at::kFloat)}};
  tensors["c64"] = at::complex(signs.to(at::kFloat), ramp(at::kFloat).flatten().slice(0, 0, 6).view({2, 3}));
  tensors["c128"] = at::complex(signs, -signs);
  tensors["conjugated"] = tensors["c128"].conj();  // lazy: the bytes in memory are not yet the values
  tensors["transposed"] = signs.t();
  for (const auto dtype : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong}) {
    tensors[c10::toString(dtype)] = ramp(dtype) * 19;
  }
  tensors["bool"] = ramp(at::kDouble).gt(4);
  tensors["scalar"] = at::scalar_tensor(2.5, at::kDouble);
  tensors["empty"] = at::empty({0, 4}, at::kFloat);
  auto out = File::create(path("a.h5"));
  for (const auto& [name, value] : tensors) out.write(name, value);
  out.close();
  const auto in = File::open(path("a.h5"));
  EXPECT_EQ(in.names().size(), tensors.size());
  for (const auto& [name, value] : tensors) EXPECT_TRUE(same_bits(in.dataset(name).read(), value)) << name;
  for (const auto& [name, value] : tensors) {
    if (value.dim() < 2 || value.size(0) < 2) continue;
    EXPECT_TRUE(same_bits(in.dataset(name).read_item(1), value[1])) << name;
  }
}

TEST_F(Hdf5, TextsAndAttributesComeBack) {
  const std::string yaml = "type: blur\n# größe\n" + std::string(100000, 'x');
  auto out = File::create(path("a.h5"));
  auto group = out.create_group("g");
  group.set_attribute("yaml", yaml);
  group.set_attribute("empty", std::string());
  group.set_attribute("pi", 3.141592653589793);
  group.set_attribute("seed", ~std::uint64_t{0});
  group.set_attribute("list", std::vector<double>{1, -0.5});
  group.set_attribute("shape", std::vector<std::int64_t>{1, 2, 3});
  group.set_attribute("nothing", std::vector<double>{});
  group.write_strings("texts", {"", "a", "zwölf"});
  group.write_strings("none", {});
  out.close();
  const auto in = File::open(path("a.h5")).group("g");
  EXPECT_EQ(in.text_attribute("yaml"), yaml);
  EXPECT_EQ(in.text_attribute("empty"), "");
  EXPECT_EQ(in.number_attribute("pi"), 3.141592653589793);
  EXPECT_EQ(in.uint64_attribute("seed"), ~std::uint64_t{0});
  EXPECT_EQ(in.numbers_attribute("list"), (std::vector<double>{1, -0.5}));
  EXPECT_EQ(in.numbers_attribute("shape"), (std::vector<double>{1, 2, 3}));
  EXPECT_TRUE(in.numbers_attribute("nothing").empty());
  EXPECT_EQ(in.dataset("texts").read_strings(), (std::vector<std::string>{"", "a", "zwölf"}));
  EXPECT_TRUE(in.dataset("none").read_strings().empty());
  EXPECT_EQ(in.attribute_names().size(), 7U);
  EXPECT_TRUE(in.dataset("texts").is_text());
  EXPECT_FALSE(in.is_group("texts"));
}

TEST_F(Hdf5, ItemsAreReadAndWrittenOneByOne) {
  const at::Tensor whole = at::arange(5 * 2 * 3, at::kFloat).view({5, 2, 3});
  auto out = File::create(path("a.h5"));
  auto dataset = out.create_dataset("x", at::kFloat, {5, 2, 3});
  for (const std::int64_t i : {3, 0, 4, 1, 2}) dataset.write_item(i, whole[i]);
  EXPECT_THROW(dataset.write_item(5, whole[0]), Error);
  EXPECT_THROW(dataset.write_item(0, whole[0][0]), Error);
  out.close();
  const auto in = File::open(path("a.h5")).dataset("x");
  EXPECT_TRUE(same_bits(in.read(), whole));
  EXPECT_TRUE(same_bits(in.read_items(1, 3), whole.slice(0, 1, 4)));
  EXPECT_TRUE(same_bits(in.read_items(5, 0), whole.slice(0, 5, 5)));
  for (const auto& [first, count] : {std::pair{-1, 1}, {0, 6}, {5, 1}, {2, -1}}) {
    expect_data_error({"a.h5:/x", "[5, 2, 3]"}, [&, first = first, count = count] { in.read_items(first, count); });
  }
}

TEST_F(Hdf5, EqualContentMakesEqualFiles) {
  for (const char* name : {"a.h5", "b.h5"}) {
    auto out = File::create(path(name));
    out.create_group("g").set_attribute("text", std::string("t"));
    out.write("x", ramp(at::kFloat));
    out.write_strings("ids", {"0", "1"});
    out.close();
  }
  EXPECT_EQ(file_bytes(path("a.h5")), file_bytes(path("b.h5")));
}

TEST_F(Hdf5, ReadsWhatH5pyWrites) {
  const auto file = File::open(golden + "h5py_types.h5");
  const std::map<std::string, at::ScalarType> expected = {
      {"f4", at::kFloat}, {"f8", at::kDouble}, {"f2", at::kFloat}, {"i1", at::kChar}, {"i2", at::kShort},
      {"i4", at::kInt},   {"i8", at::kLong},   {"u1", at::kByte},  {"u2", at::kInt},  {"u4", at::kLong}};
  int seen = 0;
  for (const auto& [type, dtype] : expected) {
    for (const std::string order : {"", "le_", "be_"}) {
      const std::string name = "number_" + order + type;
      if (!file.has(name)) continue;
      ++seen;
      EXPECT_TRUE(same_bits(file.dataset(name).read(), ramp(dtype))) << name;
    }
  }
  EXPECT_EQ(seen, 18);
  const at::Tensor complex = at::complex(ramp(at::kDouble), 0.0 - 0.5 * ramp(at::kDouble));
  for (const std::string order : {"le_", "be_"}) {
    EXPECT_TRUE(same_bits(file.dataset("complex_" + order + "c8").read(), complex.to(at::kComplexFloat)));
    EXPECT_TRUE(same_bits(file.dataset("complex_" + order + "c16").read(), complex));
  }
  EXPECT_TRUE(same_bits(file.dataset("bool").read(), ramp(at::kLong).remainder(2).eq(1)));
  EXPECT_EQ(file.dataset("scalar").read().item<double>(), 7.5);
  for (const char* name : {"chunked", "resizable"}) EXPECT_TRUE(same_bits(file.dataset(name).read(), ramp(at::kFloat)));
  const at::Tensor zipped = at::arange(1200, at::kFloat).view({300, 4});
  EXPECT_TRUE(same_bits(file.dataset("gzip").read(), zipped));
  EXPECT_TRUE(same_bits(file.dataset("gzip").read_item(257), zipped[257]));
  EXPECT_EQ(file.dataset("empty").read().numel(), 0);
  EXPECT_EQ(file.dataset("text_variable").read_strings(), (std::vector<std::string>{"one", "zwölf", ""}));
  EXPECT_EQ(file.dataset("text_fixed").read_strings(), (std::vector<std::string>{"one", "four"}));
  for (const char* name : {"text_variable", "text_fixed"}) {
    const auto texts = file.dataset(name);
    const std::vector<std::string> all = texts.read_strings();
    EXPECT_EQ(texts.read_strings(1, 1), std::vector<std::string>{all[1]}) << name;
    EXPECT_TRUE(texts.read_strings(std::ssize(all), 0).empty()) << name;
    expect_data_error({name, "were asked for"}, [&] { texts.read_strings(1, std::ssize(all)); });
    expect_data_error({name, "were asked for"}, [&] { texts.read_strings(-1, 1); });
  }
  const auto attributes = file.group("attributes");
  EXPECT_EQ(attributes.text_attribute("text"), "zwölf");
  EXPECT_EQ(attributes.text_attribute("bytes"), "abc");
  EXPECT_EQ(attributes.number_attribute("int"), 3);
  EXPECT_EQ(attributes.number_attribute("float32"), 0.25);
  EXPECT_EQ(attributes.numbers_attribute("list"), (std::vector<double>{1.0, 2.5}));
  EXPECT_EQ(attributes.uint64_attribute("seed"), ~std::uint64_t{0});
}

TEST_F(Hdf5, RefusesWhatItCannotHoldNamingTheDataset) {
  const auto file = File::open(golden + "h5py_types.h5");
  const auto read = [&](const char* name) { return [&file, name] { file.dataset(name).read(); }; };
  expect_data_error({"h5py_types.h5:/missing", "there is none"}, read("missing"));
  expect_data_error({":/attributes", "expected a dataset"}, read("attributes"));
  expect_data_error({":/bool", "expected a group"}, [&] { file.group("bool"); });
  expect_data_error({":/unsigned_64", "64-bit unsigned integer"}, read("unsigned_64"));
  expect_data_error({":/pairs", "compound"}, read("pairs"));
  expect_data_error({":/long_double", "float"}, read("long_double"));
  expect_data_error({":/text_variable", "text"}, read("text_variable"));
  expect_data_error({":/null", "empty dataspace"}, read("null"));
  expect_data_error({":/soft"}, read("soft"));
  expect_data_error({":/outside"}, read("outside"));
  expect_data_error({":/text_latin1", "UTF-8"}, [&] { file.dataset("text_latin1").read_strings(); });
  expect_data_error({":/bool", "list of texts"}, [&] { file.dataset("bool").read_strings(); });
  expect_data_error({":/bool", "texts 0 to 1"}, [&] { file.dataset("bool").read_strings(0, 1); });
  const auto attributes = file.group("attributes");
  expect_data_error({"'none'", "there is none"}, [&] { attributes.number_attribute("none"); });
  expect_data_error({"'text'", "expected numbers"}, [&] { attributes.number_attribute("text"); });
  expect_data_error({"'int'", "expected one text"}, [&] { attributes.text_attribute("int"); });
  expect_data_error({"'list'", "expected one number"}, [&] { attributes.number_attribute("list"); });
  expect_data_error({"'negative'", "-1"}, [&] { attributes.uint64_attribute("negative"); });
}

TEST_F(Hdf5, RefusesAbsurdSizesBeforeAllocating) {
  const auto file = File::open(golden + "h5py_types.h5");
  for (const char* name : {"claims_a_terabyte", "compressed_claim"}) {
    expect_data_error({name, "only", "bytes are stored"}, [&] { file.dataset(name); });
  }
  // A limit given by the caller holds for sizes that the file could hold.
  const auto limited = File::open(golden + "h5py_types.h5", {.max_bytes = 4000});
  expect_data_error({":/gzip", "limit"}, [&] { limited.dataset("gzip").read(); });
  EXPECT_EQ(limited.dataset("gzip").read_items(0, 250).size(0), 250);
}

TEST_F(Hdf5, RefusesWhatIsNoHdf5File) {
  expect_data_error({"none.h5", "no such file"}, [&] { File::open(path("none.h5")); });
  expect_data_error({"this is not a file"}, [&] { File::open(path(".")); });
  write_file_atomically(path("text.h5"), "hello");
  expect_data_error({"text.h5", "5 bytes", "signature"}, [&] { File::open(path("text.h5")); });
  write_file_atomically(path("zero.h5"), "");
  expect_data_error({"zero.h5", "0 bytes"}, [&] { File::open(path("zero.h5")); });
  EXPECT_FALSE(File::looks_like_hdf5(path("text.h5")));
  EXPECT_TRUE(File::looks_like_hdf5(golden + "h5py_types.h5"));
  expect_data_error({"none/a.h5", "No such file"}, [&] { File::create(path("none/a.h5")); });
}

TEST_F(Hdf5, ThreadsMayShareAFile) {
  const auto file = File::open(golden + "h5py_types.h5");
  std::vector<int> good(4, 0);
  std::vector<std::thread> threads;
  for (int& count : good) {
    threads.emplace_back([&file, &count] {
      for (int i = 0; i < 50; ++i) {
        count += at::equal(file.dataset("number_be_f4").read(), ramp(at::kFloat)) ? 1 : 0;
        try {
          file.dataset("missing");
        } catch (const Error&) {
          ++count;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, (std::vector<int>(4, 100)));
}

TEST_F(Hdf5, ToolsOfHdf5ReadOurFiles) {
  if (std::system("h5dump --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no h5dump (package hdf5-tools)";
  auto out = File::create(path("a.h5"));
  out.write("z", at::complex(at::tensor({1.5F}), at::tensor({-2.0F})));
  out.write("flag", at::ones({1}, at::kBool));
  out.close();
  ASSERT_EQ(std::system(fmt::format("h5dump {} > {}", path("a.h5"), path("dump")).c_str()), 0);
  const std::string dump = file_bytes(path("dump"));
  for (const char* expected : {"\"r\"", "\"i\"", "1.5", "-2", "\"FALSE\"", "(0): TRUE"}) {
    EXPECT_NE(dump.find(expected), std::string::npos) << expected << " in\n" << dump;
  }
}

}  // namespace
}  // namespace recon
