#!/bin/bash
# A batch as a job array of PBS, which does not say how many jobs it has: N here and in -J.
#   jobid=$(qsub pbs.sh)
#   qsub -W depend=afterany:$jobid -- $(command -v recon) batch $PWD/batch.yaml --merge
#PBS -J 1-8
#PBS -l select=1:ncpus=4 -l walltime=04:00:00 -r y
N=${N:-8}
config=${1:-batch.yaml}
cd "${PBS_O_WORKDIR:-.}" || exit 1
exec recon batch "$config" --shard "auto/$N" --threads "${NCPUS:-1}"
