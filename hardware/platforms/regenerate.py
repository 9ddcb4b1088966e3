#!/usr/bin/env python3
"""Calibrates the platforms that sources.csv lists, and ships those that hold.

    regenerate.py calibrate TABLES OUT [NAME...]   calibrates into OUT; profiles already there are kept
    regenerate.py ship OUT                         copies what is good enough beside this file, and lists it for the library

In sources.csv, `held_out` is what else calibrate is to be told, and a file that is both `layers` and `latency` is TinyNAS's table of single convolutions.

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
# of single kernels, most is the covariance of hundreds of inducing points
MOST_BYTES_OF_KERNELS = 512 * 1024

# the columns of a table of layers
LAYER = (
    "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,"
    "in_channels,in_h,in_w,out_channels,out_h,out_w,bias,inputs,from"
).split(",")


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


def single_convolutions(table, folder, name):
    """TinyNAS's table of convolutions, each called by itself, as a table of layers and one of latencies: a network of one layer, and a second one where
    a sum is fused into it."""
    layers, latency = folder / f"{name}.layers.csv", folder / f"{name}.latency.csv"
    with open(table, newline="") as source, open(layers, "w", newline="") as of_layers, open(latency, "w", newline="") as of_latency:
        of_layers = csv.DictWriter(of_layers, LAYER)
        of_latency = csv.DictWriter(of_latency, ["network", "batch", "latency_ms"])
        of_layers.writeheader()
        of_latency.writeheader()
        for number, row in enumerate(csv.DictReader(source), 1):
            network, stride = f"row{number}", int(row["stride"])
            output = {"out_channels": row["cout"]}
            output |= {f"out_{side}": -(-int(row[f"{side}in"]) // stride) for side in "hw"}
            convolution = {
                "op": "conv", "kernel_h": row["k"], "kernel_w": row["k"], "stride_h": stride, "stride_w": stride,
                "groups": row["cin"] if row["conv_type"] == "Depthwise" else 1,
                "in_channels": row["cin"], "in_h": row["hin"], "in_w": row["win"], "bias": 1, "inputs": 1, "from": "input",
            }  # fmt: skip
            of_layers.writerow({"network": network, "layer": 0} | convolution | output)
            if row["elmt_fused"] != "0":
                shape = {f"in_{side}": output[f"out_{side}"] for side in ("channels", "h", "w")}
                total = {"op": "add", "inputs": 2, "from": "0;elsewhere"}
                of_layers.writerow({"network": network, "layer": 1} | total | shape | output)
            of_latency.writerow({"network": network, "batch": row["batch"], "latency_ms": row["latency_ms"]})
    return layers, latency


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
        layers, latency, where = tables / row["layers"], tables / row["latency"], row["where"]
        if row["layers"] == row["latency"]:
            layers, latency = single_convolutions(layers, scratch, row["name"])
        if "|" in where:
            latency, where = together(latency, where, scratch / f"{row['name']}.csv"), None
        command = [
            tool, "calibrate",
            "--layers", layers, "--latency", latency,
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
        of_kernels = "relevance" in calibration["components"][0]["residual"]["covariance"]
        most = MOST_BYTES_OF_KERNELS if of_kernels else MOST_BYTES
        good = error <= MOST_ERROR and order >= LEAST_SPEARMAN and size <= most
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
