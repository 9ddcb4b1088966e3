"""Writes ONNX files with the activation memory they need beside them, worked out from the files alone.

    python3 peak_memory.py FOLDER

FOLDER/expected.csv has a line `file,total_elements,peak_elements` for each file, per image: all tensors together, and the most that are
live at one time. The files are those of the onnx package's backend tests and architectures of torchvision with random weights.

Shapes are those of onnx's own inference. The rules are those that the documentation states:

- nodes run in the file's order; what depends on constants and shapes alone is no activation;
- a tensor lives from the node that makes it to the last that reads it, the image from the start, outputs to the end; nothing is computed in
  place, and what only looks at a tensor in another shape has one of its own;
- each output of a node that somebody reads is made in a step of its own;
- a batch-norm behind a convolution that nobody else reads, x * sigmoid(x), and a channel shuffle are one step each.
"""

import csv
import math
import sys
import warnings
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

warnings.filterwarnings("ignore")

TORCHVISION = """
alexnet vgg11 squeezenet1_1 resnet18 resnet50 resnext50_32x4d densenet121 googlenet inception_v3 mobilenet_v2 mobilenet_v3_small mnasnet1_0
shufflenet_v2_x1_0 efficientnet_b0 regnet_y_400mf
""".split()


class Step:
    def __init__(self, op, reads, output):
        self.op, self.reads, self.output = op, reads, output


def steps(graph, images):
    """The steps in order, from the nodes that depend on the image."""
    computed, found = set(images), []
    for node in graph.node:
        reads = [name for name in node.input if name in computed]
        if reads and node.op_type != "Shape":
            for output in filter(None, node.output):
                computed.add(output)
                found.append(Step(node.op_type, reads, output))
    outputs = {info.name for info in graph.output}
    # from the end: what nobody needs
    needed, kept = set(outputs), []
    for step in reversed(found):
        if step.output in needed:
            kept.append(step)
            needed.update(step.reads)
    return kept[::-1], outputs


def merge(all_steps, outputs):
    """Puts together what is one step."""
    maker = {step.output: step for step in all_steps}
    readers = {}
    for step in all_steps:
        for name in step.reads:
            readers.setdefault(name, []).append(step)

    def alone(name):
        return name in maker and len(readers[name]) == 1 and name not in outputs

    gone = set()
    for step in all_steps:
        before = maker.get(step.reads[0])
        if step.op == "BatchNormalization" and alone(step.reads[0]) and before.op == "Conv":
            before.output = step.output
            gone.add(id(step))
        if step.op == "Mul" and len(step.reads) == 2:
            for x, gate in (step.reads, step.reads[::-1]):
                sigmoid = maker.get(gate)
                if alone(gate) and sigmoid.op == "Sigmoid" and sigmoid.reads == [x]:
                    step.reads = [x]
                    gone.add(id(sigmoid))
        if step.op == "Reshape" and alone(step.reads[0]) and before.op == "Transpose" and alone(before.reads[0]):
            first = maker[before.reads[0]]
            if first.op == "Reshape":
                step.reads = first.reads
                gone.update([id(first), id(before)])
    return [step for step in all_steps if id(step) not in gone]


def evaluated(node, small, model):
    """What a node makes of constants."""
    infos = [onnx.helper.make_tensor_value_info(name, 0, None) for name in node.output]
    stored = [numpy_helper.from_array(small[name], name) for name in {*node.input} if name]
    graph = onnx.helper.make_graph([node], "node", [], infos, stored)
    alone = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return ReferenceEvaluator(alone).run(None, {})


def known(model):
    """The model with all its shapes: those that are computed from others become constants, one after another."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    while True:
        inferred = shape_inference.infer_shapes(model, data_prop=True)
        graph, folded = model.graph, 0
        infos = [info.type.tensor_type.shape.dim for info in inferred.graph.value_info]
        if all(dim.dim_value for dims in infos for dim in dims):
            return inferred.graph
        values = {tensor.name: tensor for tensor in graph.initializer}
        small = {name: numpy_helper.to_array(tensor) for name, tensor in values.items() if math.prod(tensor.dims) <= 4}
        shapes = {info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim] for info in inferred.graph.value_info}
        for node in list(graph.node):
            if node.op_type == "Shape" and all(shapes.get(node.input[0], [0])):
                results = [numpy.array(shapes[node.input[0]], dtype=numpy.int64)]
            elif all(name in small for name in node.input if name):
                results = evaluated(node, small, model)
            else:
                continue
            for name, result in zip(node.output, results):
                graph.initializer.append(numpy_helper.from_array(numpy.asarray(result), name))
                small[name] = numpy.asarray(result)
            graph.node.remove(node)
            folded += 1
        if not folded:
            return inferred.graph


def memory(model):
    """All tensors together, and the most that are live at one time."""
    graph = known(model)
    stored = {tensor.name for tensor in graph.initializer}
    size = {}
    for info in [*graph.value_info, *graph.input, *graph.output]:
        size[info.name] = math.prod(dim.dim_value for dim in info.type.tensor_type.shape.dim)
    images = [info.name for info in graph.input if info.name not in stored]
    batch = next(info for info in graph.input if info.name == images[0]).type.tensor_type.shape.dim[0].dim_value
    ordered, outputs = steps(graph, images)
    ordered = merge(ordered, outputs)
    born = {name: 0 for name in images}
    dies = {}
    for place, step in enumerate(ordered):
        born[step.output] = place
        for name in [*step.reads, step.output]:
            dies[name] = place
    for name in outputs:
        dies[name] = len(ordered) - 1
    assert all(size[name] for name in born), "a size that onnx doesn't know"
    total = sum(size[name] for name in born)
    peak = max(
        sum(size[name] for name in born if born[name] <= place <= dies[name])
        for place in range(len(ordered))
    )
    assert total and total % batch == 0 and peak % batch == 0
    return total // batch, peak // batch


def strip(model):
    """Takes the large weights out of a model."""
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) > 4096:
            for field in ("raw_data", "float_data", "external_data", "data_location"):
                tensor.ClearField(field)


def light():
    """The onnx package's own models."""
    data = Path(onnx.__file__).parent / "backend/test/data/light"
    for file in sorted(data.glob("light_*.onnx")):
        yield file.name, onnx.load(file)


def exported(folder):
    import torch
    import torchvision

    for name in TORCHVISION:
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        net = torchvision.models.get_model(name, weights=None, **options).eval()
        side = 299 if name == "inception_v3" else 224
        file = folder / f"{name}.onnx"
        torch.onnx.export(net, (torch.rand(1, 3, side, side),), str(file), dynamo=False, opset_version=17)
        model = onnx.load(file)
        strip(model)
        yield file.name, model


def main():
    folder = Path(sys.argv[1])
    with open(folder / "expected.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "total_elements", "peak_elements"])
        for models in [light(), exported(folder)]:
            for name, model in models:
                onnx.save(model, folder / name)
                row = [name, *memory(model)]
                rows.writerow(row)
                print(*row, flush=True)


if __name__ == "__main__":
    main()
