#include "data/measurement_file.h"

#include "tests/data/data_support.h"
#include "tests/support/random.h"

namespace recon {
namespace {

using namespace testing_data;

class Measurements : public DataTest {
 protected:
  /// Opens the file and reads all of it.
  static void read_all(const std::string& file_path) {
    const auto file = MeasurementFile::open(file_path);
    for (std::int64_t i = 0; i < file.count(); ++i) file.item(i);
  }
};

MeasurementSet example() {
  MeasurementSet set;
  set.header.image = {{3, 4, 5}, ScalarKind::complex};
  set.header.range = {-1.0, 3.5};
  set.header.operator_config = "type: blur\nkernel: kernel  # größe\n";
  set.header.operator_arrays = {{"kernel", test::uniform({3, 3}, at::kDouble)}, {"mask", at::ones({4, 5}, at::kBool)}};
  set.header.noise = {.type = NoiseType::gaussian, .std = {0.1, 0.25}, .peak = 0};
  set.header.provenance = "made by a test";
  set.ids = {"left", "right"};
  set.y = test::uniform({2, 7, 2}, at::kComplexFloat);
  set.ground_truth = test::uniform({2, 3, 4, 5}, at::kComplexDouble);
  set.per_item_arrays = {{"coil_maps", test::uniform({2, 4}, at::kFloat)}};
  return set;
}

TEST_F(Measurements, ComeBackBitForBit) {
  const MeasurementSet set = example();
  write_measurement_file(path("m.h5"), set);
  EXPECT_EQ(files(), 1U) << "the temporary file is gone";
  const auto file = MeasurementFile::open(path("m.h5"));
  EXPECT_EQ(file.count(), 2);
  EXPECT_EQ(file.ids(), set.ids);
  EXPECT_EQ(file.header().image, set.header.image);
  EXPECT_EQ(file.header().range, set.header.range);
  EXPECT_EQ(file.header().operator_config, set.header.operator_config);
  EXPECT_EQ(file.header().noise, set.header.noise);
  EXPECT_EQ(file.header().provenance, set.header.provenance);
  EXPECT_EQ(file.measurement(), (TensorSpec{{7, 2}, ScalarKind::complex}));
  EXPECT_EQ(file.per_item_arrays(), std::vector<std::string>{"coil_maps"});
  ASSERT_EQ(file.header().operator_arrays.size(), 2U);
  for (const auto& [name, value] : set.header.operator_arrays) {
    EXPECT_TRUE(same_bits(file.header().operator_arrays.at(name), value)) << name;
  }
  for (const std::int64_t i : {1, 0}) {
    const MeasurementItem item = file.item(i);
    EXPECT_EQ(item.id, set.ids[static_cast<std::size_t>(i)]);
    EXPECT_TRUE(same_bits(item.y, set.y[i]));
    EXPECT_TRUE(same_bits(item.ground_truth, set.ground_truth[i]));
    EXPECT_TRUE(same_bits(item.arrays.at("coil_maps"), set.per_item_arrays.at("coil_maps")[i]));
    EXPECT_EQ(item.noise_std, set.header.noise.std[static_cast<std::size_t>(i)]);
  }
  EXPECT_EQ(file.index_of("right"), 1);
  expect_error(ErrorKind::usage, {"left, right", "'up'"}, [&] { file.index_of("up"); });
  expect_error(ErrorKind::usage, {"0 to 1", "got 2"}, [&] { file.item(2); });
}

TEST_F(Measurements, WithoutTruthAndIds) {
  MeasurementSet set = example();
  set.ids.clear();
  set.ground_truth = at::Tensor();
  set.y = test::uniform({12, 2, 2}, at::kDouble);
  set.per_item_arrays.clear();
  set.header.noise = {.type = NoiseType::poisson, .std = {}, .peak = 100};
  write_measurement_file(path("m.h5"), set);
  const auto file = MeasurementFile::open(path("m.h5"));
  EXPECT_FALSE(file.has_ground_truth());
  EXPECT_FALSE(file.item(11).ground_truth.defined());
  EXPECT_EQ(file.item(11).id, "11");
  EXPECT_EQ(file.header().noise.peak, 100);
}

TEST_F(Measurements, PhotonsWithReadNoiseKeepBothFigures) {
  MeasurementSet set = example();
  set.y = at::ones({2, 2, 2}, at::kDouble);
  set.header.noise = {.type = NoiseType::poisson_gaussian, .std = {0.1, 0.25}, .peak = 100};
  write_measurement_file(path("m.h5"), set);
  const auto file = MeasurementFile::open(path("m.h5"));
  EXPECT_EQ(file.header().noise, set.header.noise);
  EXPECT_EQ(file.item(1).noise_std, 0.25);
  set.header.noise.peak = 0;
  expect_error(ErrorKind::data, {"expected peak > 0"}, [&] { write_measurement_file(path("m.h5"), set); });
  set.header.noise = {.type = NoiseType::poisson_gaussian, .std = {}, .peak = 100};
  expect_error(ErrorKind::data, {"expected one std"}, [&] { write_measurement_file(path("m.h5"), set); });
}

TEST_F(Measurements, ReadsAFileMadeByH5py) {
  const auto file = MeasurementFile::open(golden + "h5py_measurement.h5");
  const at::Tensor ramp = at::arange(40, at::kFloat).view({2, 1, 4, 5}) / 64;
  EXPECT_EQ(file.header().image, (TensorSpec{{1, 4, 5}, ScalarKind::real}));
  EXPECT_EQ(file.header().operator_config, "type: masked_fourier\nmask: mask\n");
  EXPECT_EQ(file.ids(), (std::vector<std::string>{"left", "right"}));
  EXPECT_TRUE(at::equal(file.item(1).y, at::complex(ramp[1], -ramp[1])));
  EXPECT_TRUE(same_bits(file.item(1).ground_truth, ramp[1]));
  EXPECT_EQ(file.item(1).noise_std, 0.25);
  EXPECT_EQ(file.header().operator_arrays.at("mask").scalar_type(), at::kBool);
  EXPECT_EQ(file.header().operator_arrays.at("mask").sum().item<int>(), 10);
  EXPECT_TRUE(at::equal(file.item(1).arrays.at("coil_maps"), at::arange(3, 6, at::kDouble)));
}

TEST_F(Measurements, TheWriterRefusesWhatTheReaderWould) {
  const auto expect = [&](const std::vector<std::string>& words, ErrorKind kind, const auto& spoil) {
    MeasurementSet set = example();
    spoil(set);
    expect_error(kind, words, [&] { write_measurement_file(path("m.h5"), set); });
    EXPECT_EQ(files(), 0U);
  };
  expect({"measurements", "NaN or infinite", "[1, 2, 0]"}, ErrorKind::data, [](MeasurementSet& set) {
    set.y.index_put_({at::tensor(1), at::tensor(2), at::tensor(0)}, NAN);
  });
  expect({"'left'", "twice"}, ErrorKind::data, [](MeasurementSet& set) { set.ids = {"left", "left"}; });
  expect({"ground_truth"}, ErrorKind::internal, [](MeasurementSet& set) {
    set.ground_truth = test::uniform({2, 3, 4, 6});
  });
  expect({"expected 1 items"}, ErrorKind::internal, [](MeasurementSet& set) { set.ids = {"left"}; });
  expect({"std"}, ErrorKind::data, [](MeasurementSet& set) { set.header.noise.std = {1, 2, 3}; });
  expect({"complex"}, ErrorKind::data, [](MeasurementSet& set) { set.header.noise = {NoiseType::poisson, {}, 9}; });
  expect({"N >= 1"}, ErrorKind::internal, [](MeasurementSet& set) { set.y = at::empty({0, 3}); });
}

/// The smallest valid file; `change` then makes it wrong in one place.
template <class Change>
void write_by_hand(const std::string& path, const std::vector<std::string>& without, const Change& change) {
  const auto with = [&](const char* name) { return std::find(without.begin(), without.end(), name) == without.end(); };
  auto file = hdf5::File::create(path);
  if (with("format")) file.set_attribute("format", std::string("recon-measurement"));
  if (with("version")) file.set_attribute("version", std::uint64_t{1});
  if (with("image_range")) file.set_attribute("image_range", std::vector<double>{0, 1});
  if (with("image_shape")) file.set_attribute("image_shape", std::vector<std::int64_t>{1, 4, 5});
  if (with("measurements")) file.write("measurements", at::zeros({2, 3}));
  if (with("operator")) {
    auto op = file.create_group("operator");
    if (with("config")) op.set_attribute("config", std::string("type: identity"));
  }
  if (with("noise")) {
    auto noise = file.create_group("noise");
    if (with("type")) noise.set_attribute("type", std::string("gaussian"));
    if (with("std")) noise.set_attribute("std", 0.1);
  }
  change(file);
  file.close();
}

TEST_F(Measurements, EachMissingPartIsOneErrorThatNamesIt) {
  write_by_hand(path("whole.h5"), {}, [](hdf5::File&) {});
  EXPECT_NO_THROW(read_all(path("whole.h5")));
  for (const std::string part : {"format", "version", "image_range", "image_shape", "measurements", "operator",
                                 "config", "noise", "type", "std"}) {
    write_by_hand(path("m.h5"), {part}, [](hdf5::File&) {});
    expect_data_error({"m.h5:/", part, "expected"}, [&] { read_all(path("m.h5")); });
  }
}

TEST_F(Measurements, EachWrongPartIsOneErrorThatNamesIt) {
  struct Wrong {
    std::vector<std::string> without, words;
    std::function<void(hdf5::File&)> put;
  };
  const auto number = [](const char* name, std::vector<double> values) {
    return [name, values](hdf5::File& file) { file.set_attribute(name, values); };
  };
  const auto array = [](const char* name, const at::Tensor& value) {
    return [name, value](hdf5::File& file) { file.write(name, value); };
  };
  const auto noise = [](const std::string& type, const char* name, double value) {
    return [=](hdf5::File& file) {
      auto group = file.create_group("noise");
      group.set_attribute("type", type);
      group.set_attribute(name, value);
    };
  };
  const auto map = [](const std::string& type, const at::Tensor& value) {
    return [=](hdf5::File& file) {
      auto group = file.create_group("noise");
      group.set_attribute("type", type);
      if (type == "poisson") group.set_attribute("peak", 10.0);
      group.write("std_map", value);
    };
  };
  const at::Tensor nan = at::cat({at::zeros({1, 3}), at::full({1, 3}, NAN)});
  const std::vector<Wrong> wrongs = {
      {{"format"}, {"'recon-result'"}, [](hdf5::File& f) { f.set_attribute("format", std::string("recon-result")); }},
      {{"version"}, {"version 1 to 1", "got 2"}, [](hdf5::File& f) { f.set_attribute("version", std::uint64_t{2}); }},
      {{"version"}, {"version"}, [](hdf5::File& f) { f.set_attribute("version", std::string("one")); }},
      {{"image_range"}, {"image_range", "[1, 0]"}, number("image_range", {1, 0})},
      {{"image_range"}, {"image_range"}, number("image_range", {0})},
      {{"image_range"}, {"image_range"}, number("image_range", {0, INFINITY})},
      {{"image_shape"}, {"image_shape"}, number("image_shape", {4, 5})},
      {{"image_shape"}, {"image_shape"}, number("image_shape", {1, 0, 5})},
      {{"image_shape"}, {"image_shape"}, number("image_shape", {1, 1e12, 1e12})},
      {{}, {"image_field", "'grey'"}, [](hdf5::File& f) { f.set_attribute("image_field", std::string("grey")); }},
      {{"measurements"}, {"/measurements", "float32", "Byte"}, array("measurements", at::zeros({2, 3}, at::kByte))},
      {{"measurements"}, {"/measurements", "[N, ...]", "[3]"}, array("measurements", at::zeros({3}))},
      {{"measurements"}, {"/measurements", "at least one item", "[0, 3]"}, array("measurements", at::zeros({0, 3}))},
      {{"measurements"}, {"/measurements", "[2, 0]"}, array("measurements", at::zeros({2, 0}))},
      {{"measurements"}, {"/measurements item 1 ('1')", "3 of 3 values are NaN"}, array("measurements", nan)},
      {{"measurements"}, {"/measurements"}, [](hdf5::File& f) { f.create_group("measurements"); }},
      {{}, {"/ids", "[3]"}, array("ids", at::arange(3))},
      {{}, {"/ids", "texts"}, array("ids", at::zeros({2}))},
      {{}, {"/ids", "'7'", "twice"}, array("ids", at::full({2}, 7, at::kLong))},
      {{}, {"/ground_truth", "real [1, 4, 5]", "real [1, 5, 4]"}, array("ground_truth", at::zeros({2, 1, 5, 4}))},
      {{}, {"/ground_truth", "2 items"}, array("ground_truth", at::zeros({3, 1, 4, 5}))},
      {{}, {"/ground_truth", "complex"}, array("ground_truth", at::zeros({2, 1, 4, 5}, at::kComplexFloat))},
      {{"noise"}, {"/noise", "'speckle'"}, noise("speckle", "std", 1)},
      {{"noise"}, {"/noise", "std >= 0", "-1"}, noise("gaussian", "std", -1)},
      {{"noise"}, {"/noise", "nan"}, noise("gaussian", "std", NAN)},
      {{"noise"}, {"/noise", "peak > 0"}, noise("poisson", "peak", 0)},
      {{"noise"}, {"/noise", "'peak'"}, noise("poisson", "std", 1)},
      {{"noise"}, {"/noise/std_map", "[3]", "[2, 3]", "[4]"}, map("gaussian", at::ones({4}))},
      {{"noise"}, {"/noise/std_map", "1 that are not"}, map("gaussian", at::tensor({1.0, 0.0, 2.0}))},
      {{"noise"}, {"/noise/std_map", "a measured entry"}, map("gaussian", at::full({3}, NAN))},
      {{"noise"}, {"/noise/std_map", "of type gaussian", "poisson"}, map("poisson", at::ones({3}))},
      {{"noise"},
       {"/noise/std_map item 1", "1 that are not"},
       map("gaussian", at::tensor({1.0, 1.0, 1.0, 1.0, -1.0, 1.0}).view({2, 3}))},
  };
  for (std::size_t i = 0; i < wrongs.size(); ++i) {
    SCOPED_TRACE(fmt::format("case {}", i));
    write_by_hand(path("m.h5"), wrongs[i].without, wrongs[i].put);
    auto words = wrongs[i].words;
    words.emplace_back("m.h5");
    expect_data_error(words, [&] { read_all(path("m.h5")); });
  }
}

// The noise of single entries: one map for all items, or one for each; NaN and inf where nothing was measured.
TEST_F(Measurements, EveryEntryMayHaveItsOwnNoise) {
  MeasurementSet set = example();
  for (const bool each : {false, true}) {
    set.header.std_map = test::uniform(each ? Shape{2, 7, 2} : Shape{7, 2}, at::kDouble) + 0.1;
    set.header.std_map.view(-1)[3] = NAN;
    set.header.std_map.view(-1)[4] = INFINITY;
    write_measurement_file(path("m.h5"), set);
    const auto file = MeasurementFile::open(path("m.h5"));
    EXPECT_EQ(file.header().std_map.defined(), !each) << "those of items are read with them";
    for (std::int64_t i = 0; i < 2; ++i) {
      const at::Tensor expected = each ? set.header.std_map[i] : set.header.std_map;
      EXPECT_TRUE(at::equal(file.item(i).std_map.nan_to_num(), expected.nan_to_num())) << i;
    }
  }
  // Without `std` the header has the level that stands for all.
  write_by_hand(path("h.h5"), {"noise"}, [](hdf5::File& file) {
    auto group = file.create_group("noise");
    group.set_attribute("type", std::string("gaussian"));
    group.write("std_map", at::full({3}, 0.25));
  });
  EXPECT_EQ(MeasurementFile::open(path("h.h5")).header().noise.std, std::vector<double>{0.25});
}

TEST_F(Measurements, IntegerIdsAreAccepted) {
  write_by_hand(path("m.h5"), {}, [](hdf5::File& file) { file.write("ids", at::tensor({17, -3}, at::kInt)); });
  EXPECT_EQ(MeasurementFile::open(path("m.h5")).ids(), (std::vector<std::string>{"17", "-3"}));
}

}  // namespace
}  // namespace recon
