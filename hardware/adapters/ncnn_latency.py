"""Times an ONNX model on ncnn, on the CPU.

    python3 ncnn_latency.py MODEL.onnx [--threads N] [--batch 1] [--runs N] [--warmup N] [--dtype fp32|fp16|bf16|int8] [--converted FOLDER]

Converts the model with pnnx, in a temporary folder or in one where it is found again, and prints roofnas' plain protocol: "latency_ms: N" for every
run, "initialisation_ms" (of loading what was converted) and "resident_bytes" once. Versions go to standard error.
Needs the packages ncnn, pnnx and numpy. ncnn takes one image at a time. It would store tensors as half precision
where the processor is fast at that; here that is done for fp16 and bf16 only.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--dtype", choices=["fp32", "fp16", "bf16", "int8"], default="fp32")
    parser.add_argument("--converted", type=Path, help="a folder for this model alone, where it stays converted")
    return parser.parse_args()


def elements(np, position, shape):
    """What roofnas feeds the input at this position: SplitMix64, uniform over [-1, 1)."""
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(position << 32)
        z *= np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    values = (z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)
    return values.reshape(shape)


def resident_bytes():
    """Bytes of this process in memory; none where the system doesn't say."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def convert(model, folder):
    """Converts the model; returns the files for ncnn, and the shapes of the inputs (an open batch becomes 1)."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    structure, weights = folder / "network.ncnn.param", folder / "network.ncnn.bin"
    # what was converted, so that another model isn't taken for it
    done, digest = folder / "done", hashlib.sha256(Path(model).read_bytes()).hexdigest()
    if not done.exists() or done.read_text() != digest:
        import pnnx

        path = folder / "network.onnx"
        shutil.copyfile(model, path)
        command = [pnnx.EXEC_PATH, str(path), "fp16=0"]
        result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode != 0 or not structure.exists():
            tail = result.stdout.decode(errors="replace").strip().splitlines()[-5:]
            sys.exit("pnnx can't convert the model: " + " | ".join(tail))
        path.unlink()
        done.write_text(digest)
    graph = (folder / "network.pnnx.param").read_text()
    inputs = re.findall(r"^pnnx\.Input .*#\d+=\(([\d,]+)\)", graph, re.MULTILINE)
    if not inputs:
        sys.exit("the shape of the model's input is open")
    return structure, weights, [[int(size) for size in sizes.split(",")] for sizes in inputs]


def load(ncnn, structure, weights, arguments):
    net = ncnn.Net()
    half = arguments.dtype == "fp16"
    net.opt.num_threads = arguments.threads
    net.opt.use_vulkan_compute = False
    net.opt.use_fp16_packed = half
    net.opt.use_fp16_storage = half
    net.opt.use_fp16_arithmetic = half
    net.opt.use_bf16_storage = arguments.dtype == "bf16"
    if net.load_param(str(structure)) != 0 or net.load_model(str(weights)) != 0:
        sys.exit("ncnn can't load the model: it has an operator that ncnn doesn't know")
    return net


def main():
    arguments = parse_arguments()
    if arguments.batch != 1:
        sys.exit(f"ncnn takes one image at a time, and {arguments.batch} were asked for")
    import ncnn
    import numpy as np

    print(f"ncnn {ncnn.__version__}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        structure, weights, shapes = convert(arguments.model, arguments.converted or Path(folder))
        if any(shape[0] != 1 for shape in shapes):
            sys.exit(f"the model takes {shapes[0][0]} images at once, always, and ncnn one")
        before = resident_bytes()
        start = time.perf_counter()
        net = load(ncnn, structure, weights, arguments)
        print(f"initialisation_ms: {(time.perf_counter() - start) * 1e3:.6g}")

    images = [elements(np, position, shape)[0] for position, shape in enumerate(shapes)]
    fed = [(name, ncnn.Mat(image)) for name, image in zip(net.input_names(), images)]

    def infer():
        extractor = net.create_extractor()
        for name, image in fed:
            extractor.input(name, image)
        return [extractor.extract(name) for name in net.output_names()]

    for _ in range(arguments.warmup):
        infer()
    if before is not None:
        print(f"resident_bytes: {max(0, resident_bytes() - before)}")
    for _ in range(arguments.runs):
        start = time.perf_counter()
        results = infer()
        print(f"latency_ms: {(time.perf_counter() - start) * 1e3:.6g}")
    if not all(code == 0 and np.isfinite(np.array(output)).all() for code, output in results):
        sys.exit("a run failed, or an output holds NaN or infinity")


main()
