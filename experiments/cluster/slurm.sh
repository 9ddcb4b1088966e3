#!/bin/bash
# A batch shared by the tasks of a Slurm array, in a folder that all nodes see.
#
#   sbatch --array=1-8 experiments/cluster/slurm.sh my-matrix.toml runs/my-matrix
#
# Task I of N does shard I/N. Whichever ends last finds all runs done, and its summary.csv is that of the whole batch. A task
# that is requeued, or an array that is submitted again, goes on where it was: what is finished stays as it is. To do some of
# the parts again, say how many there are:
#
#   sbatch --array=3,5 experiments/cluster/slurm.sh my-matrix.toml runs/my-matrix 8
#SBATCH --job-name=roofnas
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@60   # a minute before the limit: roofnas saves where it is and ends with 130
set -euo pipefail

experiment=${1:?an experiment with a matrix}
folder=${2:?the batch\'s folder}
parts=${3:-$SLURM_ARRAY_TASK_COUNT}
if [[ -z ${3:-} ]] && ((SLURM_ARRAY_TASK_MIN != 1 || SLURM_ARRAY_TASK_MAX != parts)); then
    echo "tasks are numbered from 1 (--array=1-8); for some of them, the number of all parts comes after the folder" >&2
    exit 2
fi

# srun doesn't take over the processors of the task by itself (Slurm 22.05 and newer)
exec srun --cpus-per-task="$SLURM_CPUS_PER_TASK" "${ROOFNAS:-roofnas}" run "$experiment" --out "$folder" --resume \
    --shard "$SLURM_ARRAY_TASK_ID/$parts" --threads "$SLURM_CPUS_PER_TASK"
