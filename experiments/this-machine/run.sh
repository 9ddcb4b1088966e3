#!/usr/bin/env bash
# How well this machine's calibrations hold: for each engine it calibrates the machine, measures networks that the fit had no part in (twice, for the noise floor), searches
# under six budgets with 95 % confidence, runs what was found at their edges, and writes it all down in tables.
#
#     python3 -m venv engines && engines/bin/pip install onnx onnxruntime openvino ncnn pnnx
#     PATH="$PWD/engines/bin:$PATH" experiments/this-machine/run.sh runs/this-machine onnxruntime:1 onnxruntime:2 openvino:1 ncnn:1 embedded:1
#
# ROOFNAS=PROGRAM takes a program that is built already. ENGINE:THREADS as for `roofnas calibrate`, with :int8 behind it for networks in 8-bit integers. FOREIGN=FOLDER names a folder of more ONNX files, beside the models that the package onnx has for its tests.
# What is done is not done again when the script is run again. Leave the machine alone meanwhile.
set -euo pipefail

out=${1:?usage: run.sh FOLDER ENGINE:THREADS ...}
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
# both may be named from where the caller is
if [[ -n ${FOREIGN:-} ]]; then FOREIGN=$(cd "$FOREIGN" && pwd); fi
if [[ -n ${ROOFNAS:-} ]]; then ROOFNAS=$(realpath "$ROOFNAS"); fi
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

roofnas=${ROOFNAS:-}
if [[ -z $roofnas ]]; then
    cargo build --locked --release
    roofnas=${CARGO_TARGET_DIR:-target}/release/roofnas
fi

# networks of the spaces that no calibration uses (their seed is another), and networks from elsewhere
for space in mobile resnet; do
    if [[ ! -e $out/$space/plan.csv ]]; then
        "$roofnas" plan --space "$space" --no-corners --networks 30 --seed 77 --out "$out/$space" >/dev/null
    fi
done
foreign=() known=" "
models=$(python3 -c 'import onnx.backend.test, pathlib; print(pathlib.Path(onnx.backend.test.__file__).parent / "data/light")' 2>/dev/null || true)
for folder in "$models" "${FOREIGN:-}"; do
    own=${#foreign[@]}
    if [[ -n $folder ]]; then
        for file in "$folder"/*.onnx; do
            # rows are named by the file: of two of a name, the first counts
            if [[ -e $file && $known != *" ${file##*/} "* ]]; then
                foreign+=("$file")
                known+="${file##*/} "
            fi
        done
    fi
done
if ((${#foreign[@]} == 0)); then
    echo "no networks from elsewhere: install the package onnx, or name a folder of ONNX files with FOREIGN" >&2
    exit 1
fi
anchors=("$out"/mobile/anchor-*.onnx)

# a table of ONNX files, finished or gone on with
measure() { # TABLE ENGINE THREADS DTYPE MODEL...
    local table=$1 engine=$2 threads=$3 dtype=$4 resume=()
    shift 4
    if [[ -e $table.done ]]; then return; fi
    if [[ -e $table ]]; then resume=(--resume); fi
    # networks that an engine can't run are told, and the others count
    "$roofnas" measure --engine "$engine" --threads "$threads" --dtype "$dtype" "$@" --out "$table" "${resume[@]}" >/dev/null || [[ $? -eq 2 && -e $table ]]
    touch "$table.done"
}

# a network's column of a table of measurements, in the table's order
latencies() { awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "latency_ms") c = i; next } $0 ~ pattern { print $c }' pattern="$2" "$1"; }

for one in "$@"; do
    IFS=: read -r engine threads dtype <<<"$one"
    name=$engine-$threads${dtype:+-$dtype} dtype=${dtype:-fp32}
    folder=$out/$name
    mkdir -p "$folder"
    profile=$folder/host.toml
    if [[ ! -e $profile ]]; then
        resume=()
        if [[ -e $folder/host.measurements.csv ]]; then resume=(--resume); fi
        "$roofnas" calibrate --engine "$engine" --threads "$threads" --dtype "$dtype" --name "$name" --out "$profile" "${resume[@]}" >"$folder/calibrate.txt"
    fi
    for again in 1 2; do
        measure "$folder/unseen-$again.csv" "$engine" "$threads" "$dtype" "${anchors[@]}" "$out"/mobile/space-*.onnx "$out"/resnet/space-*.onnx
    done
    # those of the package are in an operator set that is too old to be quantised
    if [[ $dtype == int8 ]]; then others=("${foreign[@]:own}"); else others=("${foreign[@]}"); fi
    if ((${#others[@]} > 0)); then
        measure "$folder/foreign.csv" "$engine" "$threads" "$dtype" "${anchors[@]}" "${others[@]}"
    fi
    for set in mobile resnet foreign; do
        if [[ $set == foreign ]]; then
            if ((${#others[@]} == 0)); then continue; fi
            models=("${others[@]}") table=$folder/foreign.csv
        else
            models=("$out/$set"/space-*.onnx) table=$folder/unseen-1.csv
        fi
        "$roofnas" validate --platform "$profile" --dtype "$dtype" "${anchors[@]}" "${models[@]}" --latency "$table" --format json >"$folder/$set.json"
    done
    # budgets from the second fastest to the second slowest of the unseen networks of mobile
    mapfile -t sorted < <(latencies "$folder/unseen-1.csv" "space-mobile" | sort -g)
    for k in 0 1 2 3 4 5; do
        budget=${sorted[1 + k * (${#sorted[@]} - 3) / 5]}
        run=$folder/budget-$k
        if [[ ! -e $run/outcome.json ]]; then
            rm -rf "$run"
            cat >"$folder/search.toml" <<TOML
name = "this-machine"
[platform]
profile = "$profile"
dtype = "$dtype"
[space]
preset = "mobile"
[constraints]
latency_ms = $budget
confidence = 0.95
[search]
population = 256
evaluations = 100_000
[output]
backbones = 1
TOML
            "$roofnas" run "$folder/search.toml" --out "$run" >/dev/null
        fi
        if [[ ! -e $folder/budget-$k.json ]]; then
            "$roofnas" verify "$run" --engine "$engine" --top 12 --format json >"$folder/budget-$k.part"
            mv "$folder/budget-$k.part" "$folder/budget-$k.json"
        fi
    done
    python3 experiments/this-machine/tell.py "$folder" | tee "$folder/summary.txt"
done
