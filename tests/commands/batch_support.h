#pragma once

#include <cstring>
#include <set>

#include "data/measurement_file.h"
#include "data/result_file.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"
#include "tests/commands/watched.h"
#include "tests/support/paths.h"

namespace recon {

/// Batches of small inpainting problems, solved by TV: milliseconds each.
class BatchTest : public ProgramTest {
 protected:
  /// `items` noisy pictures of 24 x 24 with ground truth; those in `broken` have NaN in their data.
  void write_items(const std::string& name, std::int64_t items, const std::set<std::int64_t>& broken = {},
                   std::int64_t size = 24) const {
    MeasurementSet set;
    set.header.image = {{1, size, size}, ScalarKind::real};
    set.header.operator_config = "type: inpainting\nmask: {dataset: mask}\n";
    const auto plane = Rng(7, "mask").uniform({{0, 0}}, 0, {{size, size}, ScalarKind::real})[0];
    set.header.operator_arrays["mask"] = plane.gt(0.5).to(at::kFloat);
    set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
    std::vector<StreamKey> keys;
    for (std::int64_t i = 0; i < items; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
    const at::Tensor ramp = at::linspace(0, 1, size, at::kFloat);
    const at::Tensor level = Rng(3, "level").uniform(keys, 0, {{1, 1, 1}, ScalarKind::real}).to(at::kFloat);
    set.ground_truth = (level * ramp.view({1, 1, 1, size}) + (1 - level) * ramp.view({1, 1, size, 1})).contiguous();
    const at::Tensor noise = Rng(5, "noise").normal(keys, 0, {{1, size, size}, ScalarKind::real}, at::kFloat);
    set.y = (set.ground_truth + 0.05 * noise) * set.header.operator_arrays["mask"];
    write_measurement_file(path(name).string(), set);
    if (broken.empty()) return;
    std::string bytes = file_content(path(name));  // what no writer would write
    for (const std::int64_t item : broken) {
      const at::Tensor y = set.y[item].contiguous();
      const std::size_t place = bytes.find(std::string(static_cast<const char*>(y.const_data_ptr()), y.nbytes()));
      ASSERT_NE(place, std::string::npos);
      const auto first = set.header.operator_arrays["mask"].flatten().argmax().item<std::int64_t>();  // a measured one
      bytes.replace(place + 4 * static_cast<std::size_t>(first), 4,
                    std::string("\x00\x00\xc0\x7f", 4));  // a float32 NaN, little-endian
    }
    write(name, bytes);
  }
  /// A config for the file, TV with few iterations.
  void write_config(const std::string& input = "m.h5", std::int64_t batch = 2, const std::string& more = "") const {
    write("batch.yaml", fmt::format("input: {}\nsolver: {{type: tv_pdhg, max_iterations: 20}}\nbatch: {{size: {}}}\n"
                                    "output: {{path: out.h5}}\n{}",
                                    input, batch, more));
  }
  std::string command(const std::string& more = "") const {
    return fmt::format("cd '{}' && exec '{}' batch batch.yaml --threads 1 --json {} 2>>stderr.txt", path("").string(),
                       test::program(), more);
  }
  Outputs batch(const std::string& more = "") const { return recon("batch batch.yaml --threads 1 --json " + more); }

  /// Events of a finished program, one per line.
  static std::vector<nlohmann::json> events_of(const Outputs& got) {
    std::vector<nlohmann::json> events;
    std::istringstream lines(got.out);
    for (std::string line; std::getline(lines, line);) events.push_back(nlohmann::json::parse(line));
    return events;
  }
  static std::size_t count(const std::vector<nlohmann::json>& events, const std::string& kind) {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const auto& event) { return event["event"] == kind; }));
  }

  /// Everything but times, memory and the output's name is the same to the bit.
  static testing::AssertionResult same_results(const std::filesystem::path& a, const std::filesystem::path& b) {
    ResultSet left = read_result_file(a.string()), right = read_result_file(b.string());
    const auto same_bits = [](const at::Tensor& x, const at::Tensor& y) {
      if (x.defined() != y.defined()) return false;
      return !x.defined() ||
             (x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type() &&
              std::memcmp(x.contiguous().const_data_ptr(), y.contiguous().const_data_ptr(), x.nbytes()) == 0);
    };
    const auto numbers = [](const std::vector<double>& values) { return at::tensor(values, at::kDouble); };
    if (left.ids != right.ids) return testing::AssertionFailure() << "ids differ";
    if (left.inputs != right.inputs) return testing::AssertionFailure() << "inputs differ";
    const SolverResults &l = left.main, &r = right.main;
    if (!same_bits(l.reconstructions, r.reconstructions)) return testing::AssertionFailure() << "images differ";
    if (!same_bits(l.std, r.std) || !same_bits(l.samples, r.samples)) {
      return testing::AssertionFailure() << "std or samples differ";
    }
    if (l.status != r.status || l.error != r.error || l.device != r.device) {
      return testing::AssertionFailure() << "status, error or device differ";
    }
    if (l.nfe_forward != r.nfe_forward || l.nfe_backward != r.nfe_backward) {
      return testing::AssertionFailure() << "NFE differ";
    }
    if (!same_bits(numbers(l.chi2), numbers(r.chi2))) return testing::AssertionFailure() << "chi2 differ";
    for (const auto& [name, values] : l.metrics) {
      if (!r.metrics.contains(name) || !same_bits(numbers(values), numbers(r.metrics.at(name)))) {
        return testing::AssertionFailure() << name << " differs";
      }
    }
    return testing::AssertionSuccess();
  }

  /// The batches whose parts are on disk.
  std::set<std::size_t> parts(const std::string& output = "out.h5") const {
    std::set<std::size_t> found;
    std::error_code absent;
    for (const auto& file : std::filesystem::directory_iterator(path(output + ".parts"), absent)) {
      if (file.path().extension() == ".h5") found.insert(std::stoul(file.path().stem().string()));
    }
    return found;
  }
};

}  // namespace recon
