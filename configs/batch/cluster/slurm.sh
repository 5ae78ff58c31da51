#!/bin/bash
# A batch as a job array of Slurm. Change the config, and --array to the number of jobs you want:
#   jobid=$(sbatch --parsable slurm.sh)
#   sbatch --dependency=afterany:$jobid --wrap 'recon batch batch.yaml --merge'
#SBATCH --array=1-8 --cpus-per-task=4 --time=04:00:00 --requeue
config=${1:-batch.yaml}
exec recon batch "$config" --shard auto --threads "${SLURM_CPUS_PER_TASK:-1}"
