#include "recon/pipeline/batch/ranks.h"

#include <algorithm>
#include <array>
#include <cstdlib>

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

}  // namespace

Ranks ranks_from(const std::function<const char*(const char*)>& variable) {
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

Ranks ranks_from_environment() {
  return ranks_from([](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace recon
