#include "recon/core/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
    {{"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}}};
constexpr double kMostBytes = 0x1p60;

std::optional<std::int64_t> parsed_bytes(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, number);
  if (fault != std::errc()) return std::nullopt;
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  for (const auto& [name, factor] : kUnits) {
    const double bytes = number * factor;
    if (unit == name && bytes >= 1 && bytes < kMostBytes) return static_cast<std::int64_t>(std::floor(bytes));
  }
  return std::nullopt;
}

/// Of the machine; less where the process runs in a container or a job with a limit of its own (cgroup v2, v1).
std::int64_t machine_bytes() {
  std::int64_t bytes = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE);
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    if (std::int64_t limit = 0; file >> limit && limit > 0) bytes = std::min(bytes, limit);
  }
  return bytes;
}

}  // namespace

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  if (!(statm >> size >> resident)) throw internal_error("/proc/self/statm", "it cannot be read");
  return resident * ::sysconf(_SC_PAGESIZE);
}

void MemoryBudget::visit(ParameterVisitor& v) {
  v.field("memory", text, "what the process may take, as in `4 GiB`; larger images go through the network in bands");
  if (text == "auto" || parsed_bytes(text)) return;
  throw usage_error(v.location(), "'memory': expected `auto` or a number with MiB, GiB, TiB, MB, GB or TB, got '{}'",
                    text);
}

std::int64_t MemoryBudget::bytes(std::int64_t processes) const {
  if (text == "auto") return machine_bytes() / 4 * 3 / processes;
  const auto given = parsed_bytes(text);
  if (!given) throw internal_error("MemoryBudget", "'{}' was not checked", text);
  return *given;
}

}  // namespace recon
