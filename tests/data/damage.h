#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "data/measurement_file.h"
#include "tests/data/data_support.h"

// Damaging files and judging what a reader makes of them.
namespace recon::testing_data {

/// What became of a number of damaged files.
struct Outcomes {
  int refused = 0;    ///< one Error(data) that names the file
  int unharmed = 0;   ///< data, those of the whole file
  int different = 0;  ///< data, other ones: the damage hit numbers that no checksum guards, or what describes them
  double seconds = 0, slowest_s = 0;

  int total() const { return refused + unharmed + different; }
  Outcomes& operator+=(const Outcomes& other) {
    refused += other.refused;
    unharmed += other.unharmed;
    different += other.different;
    seconds += other.seconds;
    slowest_s = std::max(slowest_s, other.slowest_s);
    return *this;
  }
};

inline std::ostream& operator<<(std::ostream& out, const Outcomes& found) {
  return out << fmt::format("{:6} files: {:6} refused, {:6} unharmed, {:6} different; {:.1f} s, slowest {:.2f} s",
                            found.total(), found.refused, found.unharmed, found.different, found.seconds,
                            found.slowest_s);
}

/// One to four bytes or so of it are others.
inline std::string overwritten(std::string bytes, std::mt19937& random) {
  for (unsigned k = 0; k <= random() % 4; ++k) {
    const auto pick = random() % 4;
    bytes[random() % bytes.size()] = static_cast<char>(pick == 0 ? 0 : pick == 1 ? 0xFF : random() % 256);
  }
  return bytes;
}

/// One damage: a few bytes at random, a number that lies about a size, a piece in the wrong place, a missing end.
inline std::string damaged_copy(const std::string& whole, std::mt19937& random) {
  std::string bytes = whole;
  const auto kind = random() % 8;
  if (kind == 0) {
    static const std::vector<std::uint64_t> lies = {0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1ULL << 40, ~0ULL};
    const std::uint64_t lie = lies[random() % lies.size()];
    const std::size_t width = std::size_t{1} << random() % 4, at = random() % (bytes.size() - width);
    std::memcpy(&bytes[at], &lie, width);
  } else if (kind == 1) {
    const std::size_t length = 1 + random() % 32;
    const std::size_t from = random() % (bytes.size() - length), to = random() % (bytes.size() - length);
    bytes.replace(to, length, whole.substr(from, length));
  } else if (kind == 2 && random() % 4 == 0) {
    bytes.resize(random() % bytes.size());
  } else {
    bytes = overwritten(bytes, random);
  }
  return bytes;
}

/// Reads damaged copies of a file. `Read` takes a path and returns everything that was read, as one text.
class Damage : public DataTest {
 protected:
  template <class Read>
  Outcomes judge(const std::string& bytes, const std::string& whole_data, const Read& read) {
    // Plain writes: thousands of synced ones would take minutes.
    std::ofstream(path("damaged"), std::ios::binary) << bytes;
    Outcomes found;
    const auto start = std::chrono::steady_clock::now();
    try {
      const std::string data = read(path("damaged"));
      (data == whole_data ? found.unharmed : found.different) = 1;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
      EXPECT_NE(std::string(error.what()).find(path("damaged")), std::string::npos) << error.what();
      found.refused = 1;
    }
    found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    found.slowest_s = found.seconds;
    return found;
  }

  /// `rounds` damages of the file at `path`; on failure the last one is kept as `path("damaged")`.
  template <class Read>
  Outcomes damage(const std::string& file, int rounds, unsigned seed, const Read& read) {
    const std::string whole = file_bytes(file), data = read(file);
    std::mt19937 random(seed);
    Outcomes all;
    for (int round = 0; round < rounds; ++round) all += judge(damaged_copy(whole, random), data, read);
    return all;
  }
};

/// Our own file, with some of everything in it; returns `path`.
inline std::string written_measurements(const std::string& path) {
  MeasurementSet set;
  set.header.image = {{1, 4, 5}, ScalarKind::real};
  set.header.operator_config = "type: fourier\nmask: {dataset: mask}\n";
  set.header.operator_arrays = {{"mask", at::ones({4, 5}, at::kBool)}};
  set.header.noise = {.type = NoiseType::gaussian, .std = {0.1, 0.2}, .peak = 0};
  set.y = at::ones({2, 1, 4, 5}, at::kComplexFloat);
  set.ground_truth = at::ones({2, 1, 4, 5});
  set.per_item_arrays = {{"maps", at::ones({2, 3})}};
  write_measurement_file(path, set);
  return path;
}

}  // namespace recon::testing_data
