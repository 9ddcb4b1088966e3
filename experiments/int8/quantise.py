"""Quantises networks with ONNX Runtime's own tool, on random inputs: python3 quantise.py FOLDER MODEL.onnx ...

FOLDER gets fp32/NAME.onnx, int8/NAME-synthetic.onnx (both are the file itself, which roofnas quantises) and int8/NAME-calibrated.onnx.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

INPUTS = 4


class RandomInputs(CalibrationDataReader):
    def __init__(self, name, shape):
        random = np.random.default_rng(1)
        self.left = iter([{name: random.standard_normal(shape, np.float32)} for _ in range(INPUTS)])

    def get_next(self):
        return next(self.left, None)


def main(out, models):
    for folder in ("fp32", "int8"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for model in map(Path, models):
        name = model.stem
        # in one file, wherever the weights were
        whole = onnx.load(model)
        for copy in (out / "fp32" / f"{name}.onnx", out / "int8" / f"{name}-synthetic.onnx"):
            onnx.save(whole, copy)
        prepared = out / f"{name}-prepared.onnx"
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
        given = onnxruntime.InferenceSession(str(prepared), providers=["CPUExecutionProvider"]).get_inputs()[0]
        shape = [size if isinstance(size, int) else 1 for size in given.shape]
        quantize_static(
            str(prepared),
            str(out / "int8" / f"{name}-calibrated.onnx"),
            RandomInputs(given.name, shape),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        prepared.unlink()


main(Path(sys.argv[1]), sys.argv[2:])
