"""Candidates a second that pymoo's NSGA-II turns over, on the problem of `choices/mod.rs`.

Not run in CI. Needs pymoo:

    python3 -m venv venv && venv/bin/pip install pymoo

Then, for 24 genes and populations of 64 to 4096:

    venv/bin/python search/benches/pymoo_nsga2.py 24

Evaluation is one numpy expression for the whole batch, so that pymoo's own machinery is measured
and not Python's loops. Uses one core. Prints the median of a few runs.
"""

import os
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core, as the engine it is compared with

try:
    import numpy as np
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.ux import UniformCrossover
    from pymoo.operators.mutation.pm import PolynomialMutation
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize
except ImportError as error:
    sys.exit(f"{error}; install it with: python3 -m venv venv && venv/bin/pip install pymoo")

CHOICES = 8
POPULATIONS = (64, 256, 1024, 4096)
RUNS = 3
# Enough that setting up does not count.
GENERATIONS = {64: 200, 256: 60, 1024: 20, 4096: 8}


class Choices(Problem):
    def __init__(self, genes):
        super().__init__(n_var=genes, n_obj=2, xl=0, xu=CHOICES - 1, vtype=int)
        self.weights = np.arange(1, genes + 1)

    def _evaluate(self, x, out, *args, **kwargs):
        effort = (x * np.sqrt(self.weights)).sum(axis=1)
        loss = (self.weights / (1 + x)).sum(axis=1)
        out["F"] = np.column_stack([effort, loss])


def candidates_a_second(genes, population, seed):
    algorithm = NSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=UniformCrossover(prob=0.9, repair=RoundingRepair()),
        mutation=PolynomialMutation(prob_var=2 / genes, eta=3, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    began = time.perf_counter()
    result = minimize(Choices(genes), algorithm, ("n_gen", GENERATIONS[population]), seed=seed)
    return result.algorithm.evaluator.n_eval / (time.perf_counter() - began)


def main():
    genes = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    for population in POPULATIONS:
        runs = [candidates_a_second(genes, population, seed) for seed in range(1, RUNS + 1)]
        print(f"{genes} genes, population {population}: {statistics.median(runs):,.0f} candidates/s")


if __name__ == "__main__":
    main()
