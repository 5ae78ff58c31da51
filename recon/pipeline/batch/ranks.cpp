#include "recon/pipeline/batch/ranks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "recon/core/error.h"

namespace recon {
namespace {

/// What a launcher calls its variables.
struct Launcher {
  const char *rank, *size, *local_rank, *local_size, *job, *step;
};

constexpr std::array launchers = {
    Launcher{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE",
             "PMIX_NAMESPACE", nullptr},
    Launcher{"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_JOBID", nullptr},
    Launcher{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE", "SLURM_JOB_ID",
             "SLURM_STEP_ID"},
};

/// What a scheduler calls the variables of a job array; null: it has none.
struct ArrayJob {
  const char *index, *first, *last, *step, *count;
  std::int64_t from;  ///< where indices begin when nothing says so
};

constexpr std::array array_jobs = {
    ArrayJob{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP",
             "SLURM_ARRAY_TASK_COUNT", 1},
    ArrayJob{"SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE", nullptr, 1},
    ArrayJob{"LSB_JOBINDEX", nullptr, "LSB_JOBINDEX_END", "LSB_JOBINDEX_STEP", nullptr, 1},
    ArrayJob{"AWS_BATCH_JOB_ARRAY_INDEX", nullptr, nullptr, nullptr, "AWS_BATCH_JOB_ARRAY_SIZE", 0},
    ArrayJob{"BATCH_TASK_INDEX", nullptr, nullptr, nullptr, "BATCH_TASK_COUNT", 0},
    ArrayJob{"JOB_COMPLETION_INDEX", nullptr, nullptr, nullptr, nullptr, 0},
    ArrayJob{"PBS_ARRAY_INDEX", nullptr, nullptr, nullptr, nullptr, 1},
    ArrayJob{"PBS_ARRAYID", nullptr, nullptr, nullptr, nullptr, 1},
};

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// The shard of this job of the array; `stated` jobs where that was said.
Shard shard_of(const ArrayJob& job, const Environment& variable, std::optional<std::int64_t> stated) {
  const auto number = [&](const char* name) -> std::optional<std::int64_t> {
    const char* text = name == nullptr ? nullptr : variable(name);
    return text == nullptr ? std::nullopt : whole(text);
  };
  const std::int64_t step = std::max(number(job.step).value_or(1), std::int64_t{1});
  const std::int64_t first = number(job.first).value_or(job.from);
  const std::int64_t offset = number(job.index).value_or(-1) - first;
  std::optional<std::int64_t> count = stated ? stated : number(job.count);
  if (const auto last = number(job.last); last && !stated) {
    const std::int64_t spanned = (*last - first) / step + 1;
    if (count && *count != spanned) {
      throw usage_error("--shard", "the {} jobs of the array are not evenly spaced from {} to {} ({}, {}); say I/N",
                        *count, first, *last, job.first, job.last);
    }
    count = spanned;
  }
  if (!count) {
    throw usage_error("--shard", "{} says which job this is, but nothing says of how many; say auto/N", job.index);
  }
  if (offset < 0 || offset % step != 0 || offset / step >= *count) {
    throw usage_error("--shard", "{} = {} is none of {} jobs that begin at {}", job.index, variable(job.index), *count,
                      first);
  }
  return {.index = static_cast<std::size_t>(offset / step) + 1, .of = static_cast<std::size_t>(*count)};
}

/// For "auto" and "auto/N".
Shard automatic_shard(const std::string& text, const Environment& variable) {
  std::optional<std::int64_t> stated;
  if (text != "auto") {
    stated = text.starts_with("auto/") ? whole(std::string_view(text).substr(5)) : std::nullopt;
    if (!stated || *stated < 1) throw usage_error("--shard", "expected I/N, auto or auto/N, got '{}'", text);
  }
  for (const ArrayJob& job : array_jobs) {
    const char* index = variable(job.index);
    if (index == nullptr || !whole(index)) continue;  // Grid Engine says "undefined" outside an array
    return shard_of(job, variable, stated);
  }
  throw usage_error("--shard",
                    "auto: no variable of a job array is set (SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, "
                    "...); say I/N, like 2/3");
}

}  // namespace

Shard shard_from(const std::string& text, const Environment& variable) {
  if (text.starts_with("auto")) return automatic_shard(text, variable);
  const std::size_t slash = text.find('/');
  const auto index = whole(std::string_view(text).substr(0, slash));
  const auto of = slash == std::string::npos ? std::nullopt : whole(std::string_view(text).substr(slash + 1));
  if (!index || !of || *index < 1 || *index > *of) {
    throw usage_error("--shard", "expected I/N with 1 <= I <= N, like 2/3, got '{}'", text);
  }
  return {.index = static_cast<std::size_t>(*index), .of = static_cast<std::size_t>(*of)};
}

Ranks ranks_from(const Environment& variable) {
  const auto number = [&](const char* name, int otherwise) {
    const char* text = variable(name);
    return text == nullptr ? otherwise : std::atoi(text);  // "2(x3)", ranks on each of three machines: 2
  };
  const auto text = [&](const char* name) -> std::string {
    const char* found = name == nullptr ? nullptr : variable(name);
    return found == nullptr ? "" : found;
  };
  for (const Launcher& launcher : launchers) {
    if (variable(launcher.rank) == nullptr || variable(launcher.size) == nullptr) continue;
    Ranks ranks;
    ranks.size = std::max(number(launcher.size, 1), 1);
    ranks.rank = std::clamp(number(launcher.rank, 0), 0, ranks.size - 1);
    ranks.local_size = std::max(number(launcher.local_size, 1), 1);
    ranks.local_rank = std::clamp(number(launcher.local_rank, 0), 0, ranks.local_size - 1);
    ranks.job = text(launcher.job);
    if (!ranks.job.empty() && launcher.step != nullptr) ranks.job += "." + text(launcher.step);
    return ranks;
  }
  return {};
}

Environment process_environment() {
  return [](const char* name) -> const char* { return std::getenv(name); };
}

}  // namespace recon
