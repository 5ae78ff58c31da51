#include "priors/checkpoints/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

fs::path scratch(const std::string& name) { return fs::temp_directory_path() / name; }

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file of this header and so many bytes of data.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\x01');
}

/// What opening these bytes says; empty when they are taken. Anything but an Error of kind data fails the test.
std::string complaint(const std::string& bytes) {
  const fs::path path = scratch("corrupt.safetensors");
  write_bytes(path, bytes);
  try {
    const SafetensorsFile file(path);
    for (const auto& entry : file.entries()) file.tensor(entry.name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_TRUE(error.location().starts_with(path.string())) << error.location();
    return error.what();
  }
  return {};
}

std::string small_file() {
  const fs::path path = scratch("small.safetensors");
  write_safetensors(path, {{"a", at::arange(6, at::kFloat).reshape({2, 3})}, {"b", at::arange(5, at::kHalf)}});
  return read_bytes(path);
}

TEST(Safetensors, ReadsBackEveryTypeBitForBit) {
  const fs::path path = scratch("types.safetensors");
  std::map<std::string, at::Tensor> tensors{{"scalar", at::scalar_tensor(3.5, at::kDouble)},
                                            {"empty", at::empty({2, 0, 3})},
                                            {"transposed", at::arange(6, at::kFloat).reshape({2, 3}).t()},
                                            {"name with \"quotes\" and \u00e9", at::ones({1})}};
  for (const auto type :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort, at::kChar, at::kByte}) {
    tensors[c10::toString(type)] = at::arange(7, at::kDouble).sub(type == at::kByte ? 0 : 3).to(type);
  }
  write_safetensors(path, tensors, {{"format", "pt"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.entries().size(), tensors.size());
  EXPECT_EQ(file.metadata().at("format"), "pt");
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor read = file.tensor(name);
    EXPECT_EQ(read.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(read, tensor)) << name;
  }
  EXPECT_EQ(file.find("nothing"), nullptr);
  EXPECT_THROW(file.tensor("nothing"), Error);
  EXPECT_FALSE(fs::exists(path.string() + ".partial"));
}

TEST(Safetensors, RefusesToWriteWhatItCannot) {
  EXPECT_THROW(write_safetensors(scratch("no.safetensors"), {{"z", at::ones({2}, at::kComplexFloat)}}), Error);
  EXPECT_THROW(write_safetensors(scratch("no/such/folder/x.safetensors"), {{"a", at::ones({2})}}), Error);
}

TEST(Safetensors, EveryTruncationIsOneError) {
  const std::string whole = small_file();
  ASSERT_EQ(complaint(whole), "");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(complaint(whole.substr(0, length)), "") << "after " << length << " of " << whole.size() << " bytes";
  }
  EXPECT_NE(complaint(whole + "x"), "");
}

TEST(Safetensors, NoByteOfTheHeaderCrashesTheReader) {
  constexpr std::size_t kDataBytes = 24 + 10;
  const std::string whole = small_file();
  const std::string header = whole.substr(8, whole.size() - 8 - kDataBytes);
  int taken = 0, refused = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    for (int value = 0; value < 256; value += 5) {
      std::string changed = header;
      changed[i] = static_cast<char>(value);
      try {
        for (const auto& entry : parse_safetensors_header(changed, kDataBytes, "header").entries) {
          ASSERT_LE(entry.end, kDataBytes);
        }
        ++taken;  // another valid name, or white space
      } catch (const Error& error) {
        ASSERT_EQ(error.kind(), ErrorKind::data);
        ++refused;
      }
    }
  }
  EXPECT_GT(taken, 0);
  EXPECT_GT(refused, taken);
}

struct Lie {
  std::string header;
  std::string expected;  ///< part of the message
};

TEST(Safetensors, NamesEveryLie) {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  ASSERT_EQ(complaint(file_of(one(R"("F32")", "[2]", "[0,8]"), 8)), "");
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const std::vector<Lie> lies{
      {one(R"("F32")", "[2]", "[0,12]"), "tensor 'w'"},                      // beyond the end
      {one(R"("F32")", "[2]", "[0,4]"), "takes 8 bytes"},                    // shorter than the shape
      {one(R"("F32")", "[1]", "[0,8]"), "takes 4 bytes"},                    // longer
      {one(R"("F32")", "[2]", "[8,0]"), "data_offsets"},                     // backwards
      {one(R"("F32")", "[2]", "[-8,0]"), "data_offsets"},                    // negative
      {one(R"("F32")", "[2]", "[0]"), "data_offsets"},                       // one of two
      {one(R"("F32")", "[2]", "[0,8.0]"), "data_offsets"},                   // not whole
      {one(R"("F32")", "[2]", "[0,18446744073709551615]"), "data_offsets"},  // 2^64 - 1
      {one(R"("F32")", "[1]", "[4,8]"), "belong to no tensor"},              // a gap before
      {one(R"("F32")", "[1]", "[0,4]"), "follow the last tensor"},           // a gap after
      {one(R"("F7")", "[2]", "[0,8]"), "type 'F7'"},
      {one("32", "[2]", "[0,8]"), "'dtype'"},
      {one(R"("F32")", "[-2]", "[0,8]"), "0 or more"},
      {one(R"("F32")", "[2.5]", "[0,8]"), "0 or more"},
      {one(R"("F32")", "2", "[0,8]"), "shape"},
      {one(R"("F32")", R"(["2"])", "[0,8]"), "0 or more"},
      {one(R"("F32")", "[4294967296,4294967296]", "[0,8]"), "more elements"},
      {one(R"("F32")", "[0,4294967296,4294967296]", "[0,0]"), "more elements"},
      {one(R"("F32")", "[4611686018427387904]", "[0,8]"), "too many"},  // the bytes overflow
      {one(R"("F32")", "[99999999999999999999999]", "[0,8]"), "0 or more"},
      {one(R"("F32")", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", "[0,8]"), "at most 16"},
      {R"({"w":{"dtype":"F32","shape":[2]}})", "data_offsets"},
      {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1}})", "extra"},
      {R"({"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "twice"},
      {R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "twice"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "overlap"},
      {R"({"w":7})", "object"},
      {R"({"__metadata__":7})", "__metadata__"},
      {R"({"__metadata__":{"format":7}})", "__metadata__"},
      {"[1, 2]", "object"},
      {"7", "object"},
      {"", "JSON"},
      {"{", "JSON"},
      {"{\"w\xff\":1}", "JSON"},
      {deep, "nested"},
      {R"({"w":{"dtype":"F32","shape":)" + deep + R"(,"data_offsets":[0,8]}})", "nested"},
  };
  for (const auto& lie : lies) {
    const std::string said = complaint(file_of(lie.header, 8));
    EXPECT_NE(said.find(lie.expected), std::string::npos) << lie.header.substr(0, 200) << "\n -> " << said;
  }
}

TEST(Safetensors, BelievesNoHeaderLength) {
  for (const std::uint64_t length : {std::uint64_t{100'000'001}, std::uint64_t{1} << 40, ~std::uint64_t{0},
                                     ~std::uint64_t{0} - 7, std::uint64_t{1000}}) {
    std::string bytes = small_file();
    std::memcpy(bytes.data(), &length, 8);
    EXPECT_NE(complaint(bytes).find("header claims"), std::string::npos) << length;
  }
}

TEST(Safetensors, RefusesWhatIsNoFile) {
  EXPECT_THROW(SafetensorsFile{scratch("does_not_exist")}, Error);
  EXPECT_THROW(SafetensorsFile{fs::temp_directory_path()}, Error);
  EXPECT_THROW(SafetensorsFile{"/dev/zero"}, Error);
}

}  // namespace
}  // namespace recon
