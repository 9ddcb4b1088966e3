"""Checks ONNX models written by roofnas with the official checker and with ONNX Runtime.

    python3 onnx_runtime.py FOLDER

For every *.onnx in the folder: the checker's full check; strict shape inference from the inputs alone,
which must arrive at the shapes the model declares; one run on random images (batches of 1 and 2 where the
batch is free), whose outputs must be finite, of the declared shapes, and the same for an image whatever
batch it is in. Models named op-NAME.onnx hold one operator, and are compared with NumPy as well.
"""

import math
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


# --- operators in NumPy, from their definitions and not from the graphs -------------------------------


def hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def shuffle(groups):
    def apply(x, _):
        y = np.empty_like(x)
        members = x.shape[1] // groups
        for channel in range(x.shape[1]):
            y[:, channel % members * groups + channel // members] = x[:, channel]
        return y

    return apply


def windows(x, kernel, stride, dilation, padding, fill):
    """All windows of x, as (batch, channels, rows, columns, kernel rows, kernel columns)."""
    pads = [(0, 0), (0, 0)] + [(p, p) for p in padding]
    x = np.pad(x, pads, constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    rows, columns = [
        range(0, side - r + 1, s) for side, r, s in zip(x.shape[2:], reach, stride)
    ]
    view = [
        [
            x[:, :, i : i + reach[0] : dilation[0], j : j + reach[1] : dilation[1]]
            for j in columns
        ]
        for i in rows
    ]
    return np.array(view).transpose(2, 3, 0, 1, 4, 5)


def conv(kernel, stride=(1, 1), dilation=(1, 1), padding=(0, 0), groups=1):
    def apply(x, weights):
        (weight,) = [w for w in weights if w.ndim == 4]
        view = windows(x, kernel, stride, dilation, padding, 0)
        y = [
            np.einsum("ncyxij,ocij->noyx", part, filters)
            for part, filters in zip(
                np.split(view, groups, axis=1), np.split(weight, groups)
            )
        ]
        return np.concatenate(y, axis=1)

    return apply


def pool(reduce, fill):
    def apply(x, _):
        return reduce(windows(x, (3, 3), (2, 2), (1, 1), (1, 1), fill), axis=(4, 5))

    return apply


def linear(x, weights):
    (weight,) = [w for w in weights if w.ndim == 2]
    return x.reshape(len(x), -1) @ weight.T


def elementwise(function):
    return lambda x, _: function(x)


OPERATORS = {
    "relu": elementwise(lambda x: np.maximum(x, 0)),
    "relu6": elementwise(lambda x: np.clip(x, 0, 6)),
    "swish": elementwise(lambda x: x * sigmoid(x)),
    "hard_swish": elementwise(lambda x: x * hard_sigmoid(x)),
    "sigmoid": elementwise(sigmoid),
    "hard_sigmoid": elementwise(hard_sigmoid),
    "gelu": elementwise(gelu),
    "add": elementwise(lambda x: x + x),
    "scale": elementwise(lambda x: x * x.mean((2, 3), keepdims=True)),
    "concat": elementwise(lambda x: np.concatenate([x, x], 1)),
    "global_avg_pool": elementwise(lambda x: x.mean((2, 3), keepdims=True)),
    "batch_norm": elementwise(lambda x: x / math.sqrt(1 + 1e-5)),
    "shuffle3": shuffle(3),
    "shuffle4": shuffle(4),
    "max_pool": pool(np.max, -np.inf),
    "avg_pool": pool(np.nanmean, np.nan),
    "linear": linear,
    "conv": conv((3, 3), padding=(1, 1)),
    "conv_folded": conv((3, 3), padding=(1, 1)),
    "conv_depthwise": conv((5, 5), (2, 2), padding=(2, 2), groups=12),
    "conv_oblong": conv((3, 1), (1, 2), (2, 1), (2, 0), groups=3),
}


# --- checks -------------------------------------------------------------------------------------------


def declared(info):
    dims = info.type.tensor_type.shape.dim
    return [d.dim_param or d.dim_value for d in dims]


def check_shapes(model):
    graph = model.graph
    expected = {info.name: declared(info) for info in [*graph.value_info, *graph.output]}
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True)
    found = {
        info.name: declared(info)
        for info in [*inferred.graph.value_info, *inferred.graph.output]
    }
    assert found == expected, {
        name: (found.get(name), shape)
        for name, shape in expected.items()
        if found.get(name) != shape
    }


def compare(found, expected, tolerance):
    assert found.shape == expected.shape, (found.shape, expected.shape)
    scale = max(1e-6, float(np.abs(expected).max()))
    error = float(np.abs(found - expected).max()) / scale
    assert error < tolerance, f"differs by {error:.1e} of the largest value"


def run(path, model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2  # warnings too: a well-made model gives none
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    (image,) = session.get_inputs()
    assert image.name == "input", image.name
    batch, *sizes = image.shape
    rng = np.random.default_rng(1)
    # wide enough to reach the corners of relu6 and of the hard activations
    x = rng.normal(0, 4, (2 if batch == "batch" else batch, *sizes)).astype(np.float32)
    outputs = session.run(None, {"input": x})
    for output, info in zip(outputs, model.graph.output, strict=True):
        assert list(output.shape) == [len(x), *declared(info)[1:]], info.name
        assert np.isfinite(output).all(), info.name
    if batch == "batch":
        single = [session.run(None, {"input": x[i : i + 1]}) for i in range(2)]
        for together, *apart in zip(outputs, *single, strict=True):
            compare(together, np.concatenate(apart), 1e-4)
    return x, outputs


def check_operator(name, model, x, outputs):
    weights = [onnx.numpy_helper.to_array(w) for w in model.graph.initializer]
    weights = [w.astype(np.float64) for w in weights]
    expected = OPERATORS[name](x.astype(np.float64), weights)
    compare(outputs[0], expected, 1e-5)


def check(path):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    check_shapes(model)
    x, outputs = run(path, model)
    if path.stem.startswith("op-"):
        check_operator(path.stem.removeprefix("op-"), model, x, outputs)


def main(folder):
    paths = sorted(Path(folder).glob("*.onnx"))
    operators = {p.stem.removeprefix("op-") for p in paths if p.stem.startswith("op-")}
    failures = []
    for path in paths:
        try:
            check(path)
        except Exception as error:  # whatever it is, the other models are checked too
            failures.append(f"{path.name}: {type(error).__name__}: {error}")
    if operators != OPERATORS.keys():
        failures.append(f"no model or no reference: {operators ^ OPERATORS.keys()}")
    print(
        f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: "
        f"{len(paths)} models, {len(operators)} of them compared with NumPy, {len(failures)} failures"
    )
    for failure in failures:
        print(failure)
    return 1 if failures or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
