"""Sums up what run.sh measured of one engine: python3 tell.py FOLDER."""

import csv
import json
import re
import sys
from pathlib import Path
from statistics import mean, median

folder = Path(sys.argv[1])


def read(name):
    return json.loads((folder / name).read_text())


def percent(share):
    return f"{100 * share:.1f} %"


def row(cells):
    print("| " + " | ".join(cells) + " |")


def model(name, figures):
    exceeds = figures.get("exceeds_upper_95")
    covered = figures.get("coverage_90")
    row(
        [
            name,
            str(figures["n_test"]),
            percent(figures["mape"]),
            percent(figures["within_10pct"]),
            f"{figures['spearman']:.3f}",
            percent(figures["bias"]),
            "" if covered is None else percent(covered),
            "" if exceeds is None else percent(exceeds),
        ]
    )


def latencies(name):
    with open(folder / name, newline="") as table:
        return {line["network"]: float(line["latency_ms"]) for line in csv.DictReader(table)}


print(f"{folder.name}\n")
for line in (folder / "host.toml").read_text().splitlines():
    found = re.search(r"measured on .* in [\d.]+ minutes: .*", line)
    if found:
        print(found.group().rstrip('",') + "\n")
        break
row(["networks", "n", "mean error", "within 10 %", "Spearman", "bias", "in 90 % interval", "above 95 % bound"])
row(["---"] * 8)
for name in ["mobile", "resnet", "foreign"]:
    if not (folder / f"{name}.json").exists():
        continue
    found = read(f"{name}.json")
    model(name, found)
    since = found.get("since_calibration")
    if since:
        model(f"{name}, anchors take {since['anchors_slower']:.3f} times as long as when calibrated: predictions that much longer", since["figures"])
    baselines = found["baselines"]
    for baseline in ["macs_constant", "class_ridge", "five_feature_ridge"]:
        if baseline in baselines:
            model(f"{name}, {baseline} (fitted to these)", baselines[baseline])
first, second = latencies("unseen-1.csv"), latencies("unseen-2.csv")
ratios = [second[network] / first[network] for network in first if network in second]
middle = median(ratios)
print(
    f"\nNoise floor, the same {len(ratios)} networks in two runs: {percent(mean(abs(r - 1) for r in ratios))}, of which a common factor of {middle:.3f}; "
    f"{percent(mean(abs(r / middle - 1) for r in ratios))} without it."
)
shares, alike, drift = [], [], []
for place in range(6):
    found = read(f"budget-{place}.json")
    own = [float(line["measured_over_budget"]) for line in found["rows"]]
    shares += own
    since = found.get("since_calibration")
    if since:
        drift.append(since["anchors_slower"])
        alike += [share / since["anchors_slower"] for share in own]


def budgets(what, shares):
    over = [share for share in shares if share > 1]
    print(
        f"{what}: {percent(len(over) / len(shares))} above theirs, the worst by {percent(max(max(shares) - 1, 0))}; "
        f"median of measured / budget {median(shares):.3f}."
    )


print()
budgets(f"{len(shares)} networks at the edge of six budgets, 95 % confidence", shares)
if drift:
    print(f"The anchors took {min(drift):.3f} to {max(drift):.3f} times as long as when calibrated.", end=" ")
    budgets("With each timing divided by that", alike)
