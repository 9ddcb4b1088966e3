"""Latencies of the same networks in single precision and quantised in two ways, as a table: python3 compare.py FOLDER."""

import csv
import sys
from pathlib import Path
from statistics import mean

folder = Path(sys.argv[1])


def latencies(name):
    with open(folder / name, newline="") as table:
        return {row["network"]: float(row["latency_ms"]) for row in csv.DictReader(table)}


single, integers = latencies("fp32.csv"), latencies("int8.csv")
print("| network | fp32, ms | int8, ranges from inputs, ms | int8, synthetic ranges, ms | difference |")
print("|---|---|---|---|---|")
differences = []
for name, alone in sorted(single.items()):
    calibrated, synthetic = (integers.get(f"{name}-{way}") for way in ("calibrated", "synthetic"))
    if calibrated is None or synthetic is None:
        continue
    differences.append(synthetic / calibrated - 1)
    print(f"| {name} | {alone:.2f} | {calibrated:.2f} | {synthetic:.2f} | {100 * differences[-1]:+.1f} % |")
print(f"\nMean of the absolute differences: {100 * mean(map(abs, differences)):.1f} %")
