#!/usr/bin/env bash
# One chip, three engines: calibrates this machine with ONNX Runtime, OpenVINO and ncnn, searches for each under three budgets (and by a plain roofline, and by
# MACs), measures what was found on all three, and tells.
#
#     python3 -m venv engines && engines/bin/pip install onnxruntime openvino ncnn pnnx numpy
#     PATH="$PWD/engines/bin:$PATH" experiments/three-engines/run.sh runs/three-engines
#
# What is done is not done again when the script is run again. Leave the machine alone meanwhile. Tables and the picture
# matrix.svg come to the folder.
set -euo pipefail

out=${1:?usage: run.sh FOLDER}
mkdir -p "$out/profiles"
out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
engines=(onnxruntime openvino ncnn)
space=experiments/spaces/contrasts.toml

cargo build --locked --release
roofnas=${CARGO_TARGET_DIR:-target}/release/roofnas
export ROOFNAS_PLATFORMS="$out/profiles"

for engine in "${engines[@]}"; do
    if [[ ! -e $out/profiles/$engine.toml ]]; then
        # measurements that are there are gone on with
        resume=()
        if [[ -e $out/profiles/$engine.measurements.csv ]]; then resume=(--resume); fi
        "$roofnas" calibrate --engine "$engine" --threads 1 --space "$space" --networks 60 \
            --out "$out/profiles/$engine.toml" "${resume[@]}"
    fi
done

# a roofline and nothing else: what the probe has measured, without overheads, utilisation or calibration
roofs() { sed -n '/^\[roofs.fp32.measured\]/,/^$/p' "$out/profiles/onnxruntime.toml"; }
cat >"$out/profiles/roofline.toml" <<TOML
format = 2
name = "roofline"
description = "this machine, by its roofs alone"
threads = 1

[provenance]
sources = ["the probe of this machine"]

[uncertainty]
prior_relative_std = 0.5
reason = "prior, not measured"

[overhead]
inference_us = 0
kernel_us = 0
source = "none: the plain roofline"

[fusion]
activations = ["relu", "relu6", "swish", "hard_swish", "sigmoid", "hard_sigmoid", "gelu"]
add = true
elementwise = true

$(roofs)
TOML

batch=$out/search
resume=()
if [[ -e $batch ]]; then resume=(--resume); fi
"$roofnas" run experiments/three-engines/search.toml --out "$batch" "${resume[@]}"
cargo bench --locked -p roofnas --bench engines -- choose "$batch" "$out"

for engine in "${engines[@]}"; do
    table=$out/measured-$engine.csv
    resume=()
    if [[ -e $table ]]; then resume=(--resume); fi
    "$roofnas" measure --engine "$engine" --threads 1 "$out"/networks/*.onnx --out "$table" "${resume[@]}"
done
cargo bench --locked -p roofnas --bench engines -- tell "$out" "${engines[@]}"
