#!/usr/bin/env python3
"""Calibrates the platforms that sources.csv lists, and ships those that hold.

    regenerate.py calibrate TABLES OUT [NAME...]   calibrates into OUT; profiles already there are kept
    regenerate.py ship OUT                         copies what is good enough beside this file, and lists it for the library

Do so after a change to the latency model or to what profiles hold. TABLES is the folder of public tables that the lines of sources.csv name; the
tool is target/release/roofnas, or what the variable ROOFNAS names.
"""

import csv
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
SHIPPED = HERE.parent / "src" / "shipped.rs"

# a profile ships if its error on networks that the fit had not seen is no larger, if it orders them at least this well, and if it is no larger
MOST_ERROR = 0.15
LEAST_SPEARMAN = 0.95
MOST_BYTES = 64 * 1024


def together(latency, where, merged):
    """Rows of several platforms that are one at several batches: `platform=x_1|x_32` becomes a table of platform x."""
    column, _, values = where.partition("=")
    values = values.split("|")
    with open(latency, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[column] in values]
    name = os.path.commonprefix(values).rstrip("_")
    with open(merged, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {column: name} for row in rows)
    return merged


def calibrate(tables, out, names):
    tool = os.environ.get("ROOFNAS", HERE.parent.parent / "target" / "release" / "roofnas")
    out.mkdir(parents=True, exist_ok=True)
    with open(HERE / "sources.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not names or row["name"] in names]

    def one(row):
        profile = out / f"{row['name']}.toml"
        if profile.exists():
            return 0
        table = f"{row['latency']}, column {row['latency_column']}, {row['where']}"
        latency, where = tables / row["latency"], row["where"]
        if "|" in where:
            latency, where = together(latency, where, scratch / f"{row['name']}.csv"), None
        command = [
            tool, "calibrate",
            "--layers", tables / row["layers"], "--latency", latency,
            *(["--where", where] if where else []), "--latency-column", row["latency_column"],
            *row["held_out"].split(),
            "--priors", row["priors"] or "none", "--components", "1",
            "--description", row["description"], "--source", table,
            "--licence", row["licence"], "--attribution", row["attribution"],
            "--out", profile, "--format", "csv",
        ]
        environment = os.environ | {"ROOFNAS_PLATFORMS": str(out)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        print(("wrote " if done.returncode == 0 else "FAILED ") + row["name"], flush=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
        return done.returncode

    # those that lean on others come after them, which may lean on others themselves
    waves = []
    while rows:
        waiting = {row["name"] for row in rows}
        wave = [row for row in rows if not waiting & set(row["priors"].split(","))]
        if not wave:
            sys.exit(f"these lean on one another: {', '.join(sorted(waiting))}")
        waves.append(wave)
        rows = [row for row in rows if row not in wave]
    with ThreadPoolExecutor(os.cpu_count()) as pool, tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        return int(any([code for wave in waves for code in pool.map(one, wave)]))


def ship(out):
    shipped = [path.stem for path in HERE.glob("*.toml") if "[calibration" not in path.read_text()]
    for path in HERE.glob("*.toml"):
        if path.stem not in shipped:
            path.unlink()
    for path in sorted(out.glob("*.toml")):
        (calibration,) = tomllib.loads(path.read_text())["calibration"].values()
        held_out = calibration["measured"]["held_out"]
        # a mean over several batches hides a bad one
        all_figures = [held_out, *(at["model"] for at in calibration["measured"].get("held_out_by_batch", []))]
        error = max(figures["mape"] for figures in all_figures)
        order = min(figures.get("spearman", 0.0) for figures in all_figures)
        size = path.stat().st_size
        good = error <= MOST_ERROR and order >= LEAST_SPEARMAN and size <= MOST_BYTES
        verdict = "ships" if good else "stays"
        print(f"{verdict} {path.stem}: error {100 * error:.1f} %, Spearman {order:.3f}, {size} bytes")
        if good:
            shutil.copyfile(path, HERE / path.name)
            shipped.append(path.stem)
    lines = "".join(
        f'    (\n        "{name}",\n        include_str!("../platforms/{name}.toml"),\n    ),\n' for name in sorted(shipped)
    )
    SHIPPED.write_text(
        "//! The profiles that ship with the tool, as platforms/regenerate.py lists them.\n\n"
        "/// Name and text of each.\n"
        f"pub(crate) const SHIPPED: [(&str, &str); {len(shipped)}] = [\n{lines}];\n"
    )
    subprocess.run(["rustfmt", "--edition", "2024", SHIPPED], check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["calibrate", tables, out, *names]:
            sys.exit(calibrate(pathlib.Path(tables), pathlib.Path(out), names))
        case ["ship", out]:
            ship(pathlib.Path(out))
        case _:
            sys.exit(__doc__)
