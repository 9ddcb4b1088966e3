#!/usr/bin/env bash
# How well synthetic ranges stand for those that inputs give: networks as roofnas quantises them and as ONNX Runtime's own tool does, timed in turn with each other, beside single precision.
#
#     python3 -m venv engines && engines/bin/pip install onnx onnxruntime
#     PATH="$PWD/engines/bin:$PATH" experiments/int8/run.sh runs/int8 resnet18.onnx mobilenet_v2.onnx ...
#
# ROOFNAS=PROGRAM takes a program that is built already. Leave the machine alone meanwhile.
set -euo pipefail

out=${1:?usage: run.sh FOLDER MODEL.onnx ...}
shift
mkdir -p "$out"
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
roofnas=${ROOFNAS:-}
if [[ -z $roofnas ]]; then
    (cd "$here/../.." && cargo build --locked --release)
    roofnas=${CARGO_TARGET_DIR:-$here/../../target}/release/roofnas
fi

python3 "$here/quantise.py" "$out" "$@"
for dtype in fp32 int8; do
    rm -f "$out/$dtype.csv"
    # files that are quantised already run as they are; what can't be run is told, and the others count
    "$roofnas" measure --engine onnxruntime --dtype "$dtype" --anchors 0 "$out/$dtype"/*.onnx --out "$out/$dtype.csv" >/dev/null || [[ $? -eq 2 && -e $out/$dtype.csv ]]
done
python3 "$here/compare.py" "$out"
