#!/bin/bash
# A batch shared by the tasks of a Slurm array, in a folder that all nodes see.
#
#   sbatch --array=1-8 experiments/cluster/slurm.sh my-matrix.toml runs/my-matrix
#
# Task I of N does shard I/N. Whichever ends last finds all runs done, and its summary.csv is that of the whole batch. A task
# that is requeued, or an array that is submitted again, goes on where it was: what is finished stays as it is.
#SBATCH --job-name=roofnas
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@60   # a minute before the limit: roofnas saves where it is and ends with 130
set -euo pipefail

experiment=${1:?an experiment with a matrix}
folder=${2:?the batch\'s folder}

exec srun "${ROOFNAS:-roofnas}" run "$experiment" --out "$folder" --resume \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --threads "$SLURM_CPUS_PER_TASK"
