#!/bin/bash
# A batch as a job array of Grid Engine. Change the config, and -t to the number of jobs you want:
#   qsub -N restore sge.sh
#   qsub -hold_jid restore -cwd -b y recon batch batch.yaml --merge
#$ -t 1-8 -cwd -r y
config=${1:-batch.yaml}
exec recon batch "$config" --shard auto --threads "${NSLOTS:-1}"
