"""Times an ONNX model on OpenVINO, on the CPU.

    python3 openvino_latency.py MODEL.onnx [--threads N] [--batch N] [--runs N] [--warmup N] [--dtype fp32|fp16|bf16|int8]

Prints roofnas' plain protocol: "latency_ms: N" for every run, "initialisation_ms" and "resident_bytes" once.
The version goes to standard error. Needs the packages openvino and numpy. The model's file may keep its weights
in other files beside it. OpenVINO would compute in bfloat16 where the processor has it; here it computes in the
stated dtype (for int8, which the file itself must hold, the rest is done in single precision).
"""

import argparse
import sys
import time

PRECISIONS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--dtype", choices=PRECISIONS, default="fp32")
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


def input_shape(value, batch):
    """The shape to run at: the stated batch where the model leaves it open."""
    name = value.get_any_name()
    shape = value.get_partial_shape()
    if shape.rank.is_dynamic:
        sys.exit(f"input {name} has no shape in the file")
    sizes = [None if size.is_dynamic else size.get_length() for size in shape]
    if len(sizes) > 1 and sizes[0] is None:
        sizes[0] = batch
    if len(sizes) > 1 and sizes[0] != batch:
        sys.exit(f"input {name} takes {sizes[0]} images at once, always, and {batch} were asked for")
    if None in sizes:
        sys.exit(f"input {name} leaves the size of axis {sizes.index(None)} open")
    return sizes


def main():
    arguments = parse_arguments()
    import numpy as np
    import openvino as ov

    print(f"openvino {ov.get_version()}", file=sys.stderr)
    core = ov.Core()
    before = resident_bytes()
    start = time.perf_counter()
    model = core.read_model(arguments.model)
    shapes = [input_shape(value, arguments.batch) for value in model.inputs]
    model.reshape({position: shape for position, shape in enumerate(shapes)})
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(arguments.threads),
        "INFERENCE_PRECISION_HINT": PRECISIONS[arguments.dtype],
    }
    compiled = core.compile_model(model, "CPU", options)
    print(f"initialisation_ms: {(time.perf_counter() - start) * 1e3:.6g}")

    request = compiled.create_infer_request()
    for position, shape in enumerate(shapes):
        request.set_input_tensor(position, ov.Tensor(elements(np, position, shape)))
    for _ in range(arguments.warmup):
        request.infer()
    if before is not None:
        print(f"resident_bytes: {max(0, resident_bytes() - before)}")
    for _ in range(arguments.runs):
        start = time.perf_counter()
        request.infer()
        print(f"latency_ms: {(time.perf_counter() - start) * 1e3:.6g}")
    if not all(np.isfinite(output.data).all() for output in request.output_tensors):
        sys.exit("an output holds NaN or infinity")


main()
