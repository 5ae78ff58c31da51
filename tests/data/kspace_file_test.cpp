// Raw data files: BART arrays, fastMRI, ISMRMRD with everything that a scanner puts into it; damaged ones.
#include "data/kspace_file.h"

#include <ismrmrd/dataset.h>

#include <fstream>
#include <random>

#include "data/bart_file.h"
#include "data/hdf5/hdf5_file.h"
#include "recon/core/rng.h"
#include "tests/data/damage.h"

namespace recon {
namespace {

using namespace testing_data;

at::Tensor draw(const Shape& shape, std::uint32_t step = 0) {
  return Rng(41, "kspace_file_test").normal({StreamKey{}}, step, {shape, ScalarKind::complex}, at::kFloat)[0];
}

class BartFile : public DataTest {};

TEST_F(BartFile, HoldsTheFirstAxisFastest) {
  const at::Tensor value = draw({2, 3, 1, 4});
  write_bart(path("a"), value);
  EXPECT_EQ(file_bytes(path("a.hdr")), "# Dimensions\n2 3 1 4 1 1 1 1 1 1 1 1 1 1 1 1 \n");
  const std::string bytes = file_bytes(path("a.cfl"));
  ASSERT_EQ(bytes.size(), 8U * 24);
  std::array<float, 4> first{};
  std::memcpy(first.data(), bytes.data(), sizeof first);
  EXPECT_EQ(first[2], at::real(value)[1][0][0][0].item<float>());  // the second entry is the next along axis 0
  EXPECT_TRUE(is_bart_file(path("a")) && is_bart_file(path("a.cfl")) && is_bart_file(path("a.hdr")));
  EXPECT_FALSE(is_bart_file(path("b.cfl")));
  const at::Tensor back = read_bart(path("a.cfl"));
  ASSERT_EQ(back.dim(), 16);
  EXPECT_TRUE(at::equal(back.reshape({2, 3, 1, 4}), value));
}

TEST_F(BartFile, OfKspaceGivesSlices) {
  const at::Tensor kspace = draw({5, 6, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2});
  write_bart(path("k"), kspace);
  const KspaceSet set = read_kspace(path("k.cfl"));
  EXPECT_EQ(set.kspace.sizes(), (std::vector<std::int64_t>{2, 3, 5, 6}));
  EXPECT_TRUE(at::equal(set.kspace[1][2], kspace.squeeze().select(3, 1).select(2, 2)));
  EXPECT_EQ(set.ids, (std::vector<std::string>{"slice0", "slice1"}));
  write_bart(path("transposed"), draw({1, 5, 6, 3}));  // ky and kz, as `bart transpose` and `bart slice` leave them
  const KspaceSet across = read_kspace(path("transposed"));
  EXPECT_EQ(across.kspace.sizes(), (std::vector<std::int64_t>{1, 3, 5, 6}));
  EXPECT_TRUE(at::equal(across.kspace[0][1], draw({1, 5, 6, 3})[0].select(2, 1)));
  write_bart(path("along"), draw({5, 1, 6, 3}));
  EXPECT_TRUE(at::equal(read_kspace(path("along")).kspace[0][2], draw({5, 1, 6, 3}).select(1, 0).select(2, 2)));
  write_bart(path("volume"), draw({5, 6, 7, 3}));
  expect_data_error({"a volume of 5 x 6 x 7"}, [&] { read_kspace(path("volume")); });
  write_bart(path("maps"), draw({5, 6, 1, 3, 2}));
  expect_data_error({"axis 4 has size 2"}, [&] { read_kspace(path("maps")); });
}

TEST_F(BartFile, DamagedOnesAreRefused) {
  write_bart(path("a"), draw({4, 4}));
  const std::string header = file_bytes(path("a.hdr")), data = file_bytes(path("a.cfl"));
  for (const std::string text :
       {"", "4 4\n", "# Dimensions\n", "# Dimensions\n4 x\n", "# Dimensions\n4 0\n", "# Dimensions\n4 -4\n",
        "# Dimensions\n99999999999999999999 1\n", "# Dimensions\n1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 16\n"}) {
    std::ofstream(path("a.hdr"), std::ios::binary) << text;
    expect_data_error({"a.hdr", "expected BART's header"}, [&] { read_bart(path("a")); });
  }
  std::ofstream(path("a.hdr"), std::ios::binary) << "# Dimensions\n4611686018427387904 4611686018427387904 4\n";
  expect_data_error({"a.cfl", "found 128 bytes"}, [&] { read_bart(path("a")); });
  std::ofstream(path("a.hdr"), std::ios::binary) << header;
  for (const std::size_t length : {std::size_t{0}, std::size_t{7}, data.size() - 8, data.size() - 1}) {
    std::ofstream(path("a.cfl"), std::ios::binary) << data.substr(0, length);
    expect_data_error({"a.cfl"}, [&] { read_bart(path("a")); });
  }
  std::filesystem::remove(path("a.cfl"));
  expect_data_error({"a.cfl"}, [&] { read_bart(path("a")); });
}

class FastMri : public DataTest {};

TEST_F(FastMri, IsReadWithItsHeader) {
  const at::Tensor kspace = draw({2, 3, 8, 6});
  auto file = hdf5::File::create(path("f.h5"));
  file.write("kspace", kspace);
  file.write_strings("ismrmrd_header", {R"(<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
    <experimentalConditions><H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions><encoding>
    <encodedSpace><matrixSize><x>8</x><y>6</y><z>1</z></matrixSize>
    <fieldOfView_mm><x>400</x><y>300</y><z>5</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>4</x><y>6</y><z>1</z></matrixSize>
    <fieldOfView_mm><x>200</x><y>300</y><z>5</z></fieldOfView_mm></reconSpace>
    <encodingLimits></encodingLimits><trajectory>cartesian</trajectory></encoding></ismrmrdHeader>)"});
  file.close();
  ASSERT_TRUE(is_kspace_file(path("f.h5")));
  const KspaceSet set = read_kspace(path("f.h5"));
  EXPECT_EQ(set.format, "fastMRI");
  EXPECT_TRUE(at::equal(set.kspace, kspace));
  EXPECT_EQ(set.readout, 4);
  auto single = hdf5::File::create(path("s.h5"));
  single.write("kspace", kspace.select(1, 0).contiguous());
  single.close();
  EXPECT_FALSE(is_kspace_file(path("s.h5")));
  expect_data_error({"s.h5", "[slices, coils, height, width]", "BART", "single-coil volumes", "need no import"},
                    [&] { read_kspace(path("s.h5")); });
}

/// An ISMRMRD file of 16 x 8 encoded, 8 x 8 wanted, 2 coils, as a scanner might write it.
class IsmrmrdFile : public DataTest {
 protected:
  static constexpr int rows = 16, columns = 8, coils = 2;

  std::string header(const std::string& trajectory = "cartesian", int partitions = 1) const {
    return fmt::format(R"(<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
    <acquisitionSystemInformation><systemVendor>ACME</systemVendor>
    <relativeReceiverNoiseBandwidth>0.5</relativeReceiverNoiseBandwidth></acquisitionSystemInformation>
    <experimentalConditions><H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions><encoding>
    <encodedSpace><matrixSize><x>{}</x><y>{}</y><z>{}</z></matrixSize>
    <fieldOfView_mm><x>400</x><y>200</y><z>5</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>8</x><y>8</y><z>1</z></matrixSize>
    <fieldOfView_mm><x>200</x><y>200</y><z>5</z></fieldOfView_mm></reconSpace>
    <encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>6</maximum><center>3</center>
    </kspace_encoding_step_1></encodingLimits><trajectory>{}</trajectory></encoding></ismrmrdHeader>)",
                       rows, columns, partitions, trajectory);
  }

  /// The samples of `line` [coils, n] as an acquisition whose zero frequency is sample `centre`.
  static ISMRMRD::Acquisition acquisition(const at::Tensor& line, int centre, int step, int slice, float dwell_us = 4) {
    const auto samples = static_cast<std::uint16_t>(line.size(1));
    ISMRMRD::Acquisition result(samples, static_cast<std::uint16_t>(line.size(0)));
    const at::Tensor values = line.contiguous();
    std::memcpy(result.getDataPtr(), values.const_data_ptr(), values.nbytes());
    result.center_sample() = static_cast<std::uint16_t>(centre);
    result.idx().kspace_encode_step_1 = static_cast<std::uint16_t>(step);
    result.idx().slice = static_cast<std::uint16_t>(slice);
    ISMRMRD::AcquisitionHeader head = result.getHead();
    head.sample_time_us = dwell_us;  // not by sample_time_us(): the structure is packed, its floats are not aligned
    result.setHead(head);
    return result;
  }

  /// Two slices of which step s is column s - 3 + 4, with everything that readers get wrong.
  void write(const std::string& name, const at::Tensor& kspace, const at::Tensor& noise) const {
    ISMRMRD::Dataset file(path(name).c_str(), "dataset", true);
    file.writeHeader(header());
    ISMRMRD::Acquisition scan = acquisition(noise, 0, 0, 0, 8);
    scan.setFlag(ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT);
    file.appendAcquisition(scan);
    ISMRMRD::Acquisition navigator = acquisition(draw({coils, 5}, 9), 2, 40, 7);
    navigator.setFlag(ISMRMRD::ISMRMRD_ACQ_IS_NAVIGATION_DATA);
    file.appendAcquisition(navigator);
    for (int slice = 1; slice >= 0; --slice) {
      for (int step = 0; step < 7; ++step) {
        const at::Tensor line = kspace[slice].select(2, step + 1);
        if (step == 2) {  // two averages around the value
          file.appendAcquisition(acquisition(line + 0.5, rows / 2, step, slice));
          file.appendAcquisition(acquisition(line - 0.5, rows / 2, step, slice));
        } else if (step == 4) {  // read backwards: sample i is row rows - 1 - i
          ISMRMRD::Acquisition backwards = acquisition(line.flip(1), rows - 1 - rows / 2, step, slice);
          backwards.setFlag(ISMRMRD::ISMRMRD_ACQ_IS_REVERSE);
          file.appendAcquisition(backwards);
        } else if (step == 5) {  // two samples to be discarded in front, one behind
          const at::Tensor longer = at::cat({at::ones({coils, 2}), line, at::ones({coils, 1})}, 1);
          ISMRMRD::Acquisition settled = acquisition(longer, rows / 2 + 2, step, slice);
          settled.discard_pre() = 2;
          settled.discard_post() = 1;
          file.appendAcquisition(settled);
        } else if (step == 6) {  // partial echo: the first 6 samples are missing
          file.appendAcquisition(acquisition(line.narrow(1, 6, rows - 6), rows / 2 - 6, step, slice));
        } else {
          file.appendAcquisition(acquisition(line, rows / 2, step, slice));
        }
      }
    }
  }
};

TEST_F(IsmrmrdFile, IsSortedIntoSlices) {
  const at::Tensor kspace = draw({2, coils, rows, columns}), noise = draw({coils, 50}, 1);
  write("raw.h5", kspace, noise);
  ASSERT_TRUE(is_kspace_file(path("raw.h5")));
  const KspaceSet set = read_kspace(path("raw.h5"));
  EXPECT_EQ(set.format, "ISMRMRD");
  EXPECT_EQ(set.ids, (std::vector<std::string>{"slice0", "slice1"}));
  EXPECT_EQ(set.readout, 8);  // half the field of view of the encoded 16
  at::Tensor expected = kspace.clone();
  expected.select(3, 0).zero_();                                        // no step leads there
  expected.select(3, 7).narrow(2, 0, 6).zero_();                        // the missing part of the echo
  EXPECT_LT((set.kspace - expected).abs().max().item<double>(), 1e-6);  // averaging rounds
  // Twice the dwell time is half the variance, and the receiver passes half of the data's bandwidth.
  EXPECT_LT((set.noise - noise * std::sqrt(8 / (4 * 0.5))).abs().max().item<double>(), 1e-6);
  EXPECT_NE(set.description.find("ACME; up to 2 averages; 1 acquisitions left out"), std::string::npos)
      << set.description;
}

TEST_F(IsmrmrdFile, WhatCannotBePlacedIsRefused) {
  const auto with = [&](const std::string& name, const std::string& xml, const ISMRMRD::Acquisition& acquisition) {
    {
      ISMRMRD::Dataset file(path(name).c_str(), "dataset", true);
      file.writeHeader(xml);
      file.appendAcquisition(acquisition);
    }
    return [file = path(name)] { read_kspace(file); };
  };
  const at::Tensor line = draw({coils, rows});
  expect_data_error({"most energy is at step 9", "phase_centre=9"}, with("a.h5", header(), acquisition(line, 8, 9, 0)));
  at::Tensor aside = line.clone();
  aside.select(1, 2).mul_(50);  // the middle is no better place for it
  expect_data_error({"acquisition 0", "16 samples around 3"}, with("b.h5", header(), acquisition(aside, 3, 3, 0)));
  expect_data_error({"other than Cartesian", "where its samples lie"},
                    with("c.h5", header("radial"), acquisition(line, 8, 3, 0)));
  expect_data_error({"/dataset/xml", "cannot parse"}, with("e.h5", "<nonsense", acquisition(line, 8, 3, 0)));
  at::Tensor broken = line.clone();
  broken[1][4] = std::numeric_limits<float>::quiet_NaN();
  expect_data_error({"acquisition 0"}, with("f.h5", header(), acquisition(broken, 8, 3, 0)));
}

class RawDamage : public IsmrmrdFile {
 protected:
  /// Data or one Error(data) that names the file.
  bool readable(const std::string& name) {
    try {
      if (is_kspace_file(path(name))) read_kspace(path(name));
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
      EXPECT_NE(std::string(error.what()).find(path(name.substr(0, 3))), std::string::npos) << error.what();
      return false;
    }
  }

  int flip(const std::string& name, int rounds, unsigned seed) {
    const std::string whole = file_bytes(path(name));
    std::mt19937 random(seed);
    int refused = 0;
    for (int round = 0; round < rounds; ++round) {
      const std::string bytes = overwritten(whole, random);
      const std::string damaged = "bad" + name.substr(3);
      std::ofstream(path(damaged), std::ios::binary) << bytes;
      refused += readable(damaged) ? 0 : 1;
    }
    return refused;
  }

  void SetUp() override {
    IsmrmrdFile::SetUp();
    write("raw.h5", draw({2, coils, rows, columns}), draw({coils, 50}, 1));
    write_bart(path("raw"), draw({6, 5, 1, 2}));
    write_bart(path("bad"), draw({6, 5, 1, 2}));
  }
};

TEST_F(RawDamage, GivesDataOrOneError) {
  EXPECT_GT(flip("raw.h5", 40, 1), 0);
  EXPECT_GT(flip("raw.hdr", 100, 2), 50);
  const std::string whole = file_bytes(path("raw.h5"));
  for (std::size_t length = 0; length < whole.size(); length += whole.size() / 12) {
    std::ofstream(path("bad.h5"), std::ios::binary) << whole.substr(0, length);
    readable("bad.h5");
  }
}

class SlowRawDamage : public RawDamage {};

TEST_F(SlowRawDamage, ThousandsOfFiles) {
  for (unsigned seed = 10; seed < 14; ++seed) flip("raw.h5", 500, seed);
  flip("raw.hdr", 5000, 20);
}

}  // namespace
}  // namespace recon
