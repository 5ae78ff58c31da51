#pragma once

#include <functional>
#include <string>

namespace recon {

/// The place of this process among those that one `mpirun` or `srun` started: 0 of 1 without.
///
/// Taken from the environment that launchers set, so that one binary runs with any MPI or none: batches are handed out
/// by claims on the file system (BatchStore), and no message is ever sent. Open MPI: OMPI_COMM_WORLD_RANK, _SIZE,
/// _LOCAL_RANK, _LOCAL_SIZE, PMIX_NAMESPACE; MPICH and Intel MPI (hydra): PMI_RANK, PMI_SIZE, MPI_LOCALRANKID,
/// MPI_LOCALNRANKS; Slurm: SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID, SLURM_STEP_TASKS_PER_NODE, SLURM_JOB_ID.
struct Ranks {
  int rank = 0, size = 1;
  int local_rank = 0, local_size = 1;  ///< among those of this machine
  std::string job;  ///< names the start that all of them share; empty when the launcher has no name for it
};

/// `variable(name)` gives a variable of the environment, null when it is not set.
Ranks ranks_from(const std::function<const char*(const char*)>& variable);
Ranks ranks_from_environment();

}  // namespace recon
