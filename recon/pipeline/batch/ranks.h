#pragma once

#include <cstddef>
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
using Environment = std::function<const char*(const char* name)>;
Environment process_environment();
Ranks ranks_from(const Environment& variable);

/// One part of a batch for schedulers without messages: batches index - 1, index - 1 + of, ... of the list.
struct Shard {
  std::size_t index = 1, of = 1;
};
/// "2/3", or "auto": what the scheduler says of a job array. Slurm (SLURM_ARRAY_TASK_ID, _MIN, _MAX, _STEP), Grid
/// Engine (SGE_TASK_ID, _FIRST, _LAST, _STEPSIZE), LSF (LSB_JOBINDEX, _END, _STEP), AWS Batch
/// (AWS_BATCH_JOB_ARRAY_INDEX, _SIZE), Google Batch (BATCH_TASK_INDEX, _COUNT). "auto/8" for those that do not say how
/// many there are: Kubernetes (JOB_COMPLETION_INDEX, from 0 on), PBS (PBS_ARRAY_INDEX or PBS_ARRAYID, from 1 on).
/// Throws Error(usage).
Shard shard_from(const std::string& text, const Environment& variable = process_environment());

}  // namespace recon
