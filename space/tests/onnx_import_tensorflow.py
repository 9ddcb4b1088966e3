"""Writes what TensorFlow's exporter makes of Keras models, with independent counts beside it, for the importer to be held against.

    python3 onnx_import_tensorflow.py FOLDER [NAME ...]

FOLDER/expected.csv has a line `file,macs,params` for each file, counts per image. The models have random weights. Each is exported by
tf2onnx at opsets 13 and 17, with images of N x H x W x C of a fixed number and of an open one; MobileNetV2 also by way of TFLite, quantised
and not.

- MACs are those of the Keras layers, from the shapes of their kernels and outputs.
- Parameters are those of convolutions and dense layers, and of batch-norms: two a channel of one that stays in the file, one of a folded
  one unless its convolution has a bias. One that is written as a factor and a summand has none here. (Those of TFLite's files are not
  compared.)

ConvNeXt is not among them: its grouped convolutions are calls of XLA, which the exporter leaves as they are, and what it writes is no ONNX.

Weights of more than 4,096 elements are stripped from the files: shapes are all that counts.
"""

import csv
import logging
import math
import os
import sys
import warnings
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
warnings.filterwarnings("ignore")

import onnx
import tensorflow as tf
import tf2onnx

logging.disable(logging.WARNING)

MODELS = """
MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large EfficientNetB0 EfficientNetV2B0 ResNet50 ResNet50V2 DenseNet121 InceptionV3 Xception
NASNetMobile InceptionResNetV2 VGG16
""".split()

SIDES = {"InceptionV3": 299, "Xception": 299, "InceptionResNetV2": 299}
OPSETS = {13: None, 17: 1}  # with the number of images: open, or fixed


def model(name):
    """The model and the side of its images, with biases and statistics that are not those it begins with: an exporter may drop zeros."""
    tf.keras.backend.clear_session()
    side = SIDES.get(name, 224)
    built = getattr(tf.keras.applications, name)(weights=None, input_shape=(side, side, 3))
    for weight in built.weights:
        if len(weight.shape) == 1:
            weight.assign(tf.random.uniform(weight.shape, 0.5, 1.5))
    return built, side


def layers(built):
    """All layers, those of models within the model too."""
    for layer in built.layers:
        if isinstance(layer, tf.keras.Model):
            yield from layers(layer)
        else:
            yield layer


def count(built):
    """MACs; parameters of convolutions and dense layers, with a bias for each batch-norm behind a convolution that has none."""
    keras = tf.keras.layers
    macs = params = 0
    biased = {}
    for layer in layers(built):
        if isinstance(layer, keras.SeparableConv2D):
            kernels = [layer.depthwise_kernel, layer.pointwise_kernel]
        elif isinstance(layer, keras.Conv2DTranspose):
            raise NotImplementedError("MACs of a transposed convolution go by its input")
        elif isinstance(layer, (keras.Conv2D, keras.DepthwiseConv2D, keras.Dense)):
            kernels = [layer.kernel]
        elif isinstance(layer, keras.BatchNormalization):
            if biased.get(layer.input.name) is False:
                params += layer.moving_mean.shape[0]
            continue
        else:
            continue
        positions = math.prod(layer.output.shape[1:-1])
        macs += sum(positions * math.prod(kernel.shape) for kernel in kernels)
        params += sum(math.prod(kernel.shape) for kernel in kernels)
        params += math.prod(layer.bias.shape) if layer.use_bias else 0
        biased[layer.output.name] = layer.use_bias
    return macs, params


def kept(graph):
    """Parameters of the batch-norms that stay in a file; of one behind a convolution without a bias, half are counted already."""
    sizes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    total = 0
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            before = makers.get(node.input[0])
            behind = before is not None and before.op_type == "Conv" and len(before.input) == 2
            total += sizes[node.input[1]][0] * (1 if behind else 2)
    return total


def strip(file):
    """Takes the large weights out of a file."""
    loaded = onnx.load(file)
    for tensor in loaded.graph.initializer:
        if math.prod(tensor.dims) > 4096:
            for field in ("raw_data", "float_data", "external_data", "data_location"):
                tensor.ClearField(field)
    onnx.save(loaded, file)
    return loaded.graph


def export(folder, name, rows):
    built, side = model(name)
    macs, params = count(built)
    function = tf.function(lambda image: built(image, training=False))
    for opset, images in OPSETS.items():
        file = folder / f"{name}-{opset}.onnx"
        signature = [tf.TensorSpec((images, side, side, 3), tf.float32, name="image")]
        tf2onnx.convert.from_function(function, input_signature=signature, opset=opset, output_path=str(file))
        graph = strip(file)
        rows.writerow([file.name, macs, params + kept(graph)])
        print(file.name, macs, params + kept(graph), flush=True)


def lite(folder, name, rows):
    """By way of TFLite: in floating point, and quantised to eight bits."""
    built, side = model(name)
    macs, _ = count(built)

    def images():
        for _ in range(4):
            yield [tf.random.uniform((1, side, side, 3))]

    for form in ["float", "int8"]:
        converter = tf.lite.TFLiteConverter.from_keras_model(built)
        if form == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = images
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        flat = folder / f"{name}-{form}.tflite"
        flat.write_bytes(converter.convert())
        file = folder / f"{name}-tflite-{form}.onnx"
        tf2onnx.convert.from_tflite(str(flat), opset=17, output_path=str(file))
        flat.unlink()
        strip(file)
        rows.writerow([file.name, macs, ""])
        print(file.name, macs, flush=True)


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    with open(folder / "expected.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "macs", "params"])
        for name in names or MODELS:
            export(folder, name, rows)
            file.flush()
        if not names or "lite" in names:
            lite(folder, "MobileNetV2", rows)


if __name__ == "__main__":
    main()
