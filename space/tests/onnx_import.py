"""Writes ONNX files with independent counts beside them, for the importer to be held against.

    python3 onnx_import.py FOLDER [NAME ...]

FOLDER/expected.csv has a line `file,macs,params,ms` for each file (counts are per image; an empty column is one
that isn't compared):

- architectures of torchvision and timm with random weights, exported by both exporters of PyTorch. MACs are counted
  by PyTorch's own FlopCounterMode while the model runs, and by hooks on its layers; the two must agree where
  a model has no other products than those of its layers. Parameters are those of convolutions, linear layers and
  batch-norms, less what the exporter's folding of batch-norm does away with.
- some of these quantised by ONNX Runtime in three ways: MACs of the model they came from.
- the models of the onnx package's backend tests, MACs and weights counted from onnx's shape inference.

Weights of more than 4,096 elements are stripped from the exported files: shapes are all that counts.
"""

import csv
import logging
import math
import sys
import warnings
from pathlib import Path

import onnx
from onnx import shape_inference

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

TORCHVISION = """
alexnet vgg11 vgg16_bn squeezenet1_0 squeezenet1_1 resnet18 resnet34 resnet50 resnet101 resnext50_32x4d
wide_resnet50_2 densenet121 densenet169 googlenet inception_v3 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large
mnasnet0_5 mnasnet1_3 shufflenet_v2_x0_5 shufflenet_v2_x2_0 efficientnet_b0 efficientnet_b3 efficientnet_v2_s
regnet_x_400mf regnet_y_800mf regnet_y_3_2gf convnext_tiny vit_b_32 swin_t swin_v2_t maxvit_t
""".split()

TIMM = """
ghostnet_100 mixnet_s lcnet_050 tinynet_a fbnetc_100 spnasnet_100 hardcorenas_a rexnet_100 repvgg_a0 mobileone_s0
res2net50_26w_4s skresnet18 seresnet50 ecaresnet50t resnest14d dla34 dpn68 hrnet_w18_small selecsls42b xception41
cspresnet50 cspdarknet53 vovnet39a nfnet_l0 dm_nfnet_f0 convmixer_768_32 levit_128 mobilevit_s efficientformer_l1
poolformer_s12 edgenext_xx_small fastvit_t8 mobilenetv4_conv_small inception_resnet_v2 deit_tiny_patch16_224
mixer_s32_224 resmlp_12_224 gmlp_s16_224 coat_tiny pvt_v2_b0 crossvit_tiny_240 beit_base_patch16_224 xcit_nano_12_p16_224
twins_svt_small tresnet_m regnetz_040 efficientvit_b0 repghostnet_050 starnet_s1
""".split()

SEGMENTATION = ["fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"]

QUANTIZED = ["resnet18", "mobilenet_v2", "shufflenet_v2_x1_0", "vit_b_32"]


def model(name):
    """The model and the side of its images."""
    import torchvision

    if name in TORCHVISION + QUANTIZED:
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        side = 299 if name == "inception_v3" else 224
        return torchvision.models.get_model(name, weights=None, **options).eval(), side
    if name in SEGMENTATION:
        options = {"weights": None, "weights_backbone": None}
        return torchvision.models.get_model(name, **options).eval(), 224
    import timm

    built = timm.create_model(name, pretrained=False, exportable=True).eval()
    return built, built.default_cfg["input_size"][-1]


def disturb(net):
    """The new exporter drops biases of zero: there shall be none."""
    import torch

    with torch.no_grad():
        for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
            if tensor.dim() == 1 and tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.5)


def count(net, image):
    """MACs of all products, and of the layers with weights alone; the layers that ran."""
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    layers, handles, ran, folded = [0, 0], [], set(), {}

    def count_layer(module, inputs, output):
        if isinstance(module, (nn.Conv1d, nn.Conv2d)):
            fan_in = module.in_channels // module.groups * math.prod(module.kernel_size)
            layers[0] += output.numel() * fan_in
            output.made_with_bias = module.bias is not None
        elif isinstance(module, nn.ConvTranspose2d):
            spread = module.out_channels // module.groups * math.prod(module.kernel_size)
            layers[0] += inputs[0].numel() * spread
        elif isinstance(module, nn.Linear):
            layers[0] += output.numel() * module.in_features
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            # a folded batch-norm leaves a bias, if there was none
            module.leaves = 0 if getattr(inputs[0], "made_with_bias", False) else module.num_features
        if id(module) in folded:
            layers[1] += layers[0] - folded[id(module)]

    def hook(module, inputs, output):
        ran.add(module)
        count_layer(module, inputs, output)

    def before(module, inputs):
        # these compute position encodings from constants: the importer folds that, as engines do
        folded[id(module)] = layers[0]

    for name, module in net.named_modules():
        if name.endswith("cpb_mlp") or "PositionalEncoding" in type(module).__name__:
            handles.append(module.register_forward_pre_hook(before))
        handles.append(module.register_forward_hook(hook))
    torch.backends.mha.set_fastpath_enabled(False)  # which the counter doesn't see
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        net(image)
    for handle in handles:
        handle.remove()
    return counter.get_total_flops() // 2 - layers[1], layers[0] - layers[1], ran


def parameters(ran, graph):
    """Parameters of convolutions, linear layers and batch-norms as the file has them: two a channel of a batch-norm
    that stays, one of a folded one unless the convolution had a bias."""
    from torch import nn

    total = norms = 0
    for module in ran:
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            total += module.weight.numel() + (0 if module.bias is None else module.bias.numel())
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            norms += module.leaves
    sizes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:  # equal weights are stored once
        if node.op_type == "Identity" and node.input[0] in sizes:
            sizes[node.output[0]] = sizes[node.input[0]]
    left = [node for node in graph.node if node.op_type == "BatchNormalization"]
    kept = sum(sizes[node.input[1]][0] for node in left)
    # without batch-norms, those in the file standardise weights
    return total + norms + (kept if norms else 0)


def strip(file):
    """Takes the large weights out of a file."""
    loaded = onnx.load(file)
    for tensor in loaded.graph.initializer:
        if math.prod(tensor.dims) > 4096:
            for field in ("raw_data", "float_data", "external_data", "data_location"):
                tensor.ClearField(field)
    onnx.save(loaded, file)
    for data in file.parent.glob(file.name + ".data"):
        data.unlink()
    return loaded.graph


def export(folder, name, rows):
    import torch

    try:
        net, side = model(name)
    except Exception as error:  # a name that this version doesn't have
        print(f"{name}: not built: {str(error)[:100]}", flush=True)
        return
    image = torch.randn(1, 3, side, side)
    disturb(net)
    total, layers, ran = count(net, image)
    for exporter in ("old", "new"):
        file = folder / f"{name}-{exporter}.onnx"
        try:
            if exporter == "old":
                axes = {"dynamic_axes": {"input": {0: "batch"}}, "input_names": ["input"]}
                torch.onnx.export(net, (image,), str(file), dynamo=False, **axes)
            else:
                torch.onnx.export(net, (image,), str(file), dynamo=True, verbose=False)
        except Exception as error:
            reason = str(error).splitlines()[:1]
            print(f"{name}: {exporter} exporter: {type(error).__name__} {reason}", flush=True)
            continue
        try:
            params = parameters(ran, strip(file))
            rows.writerow([file.name, total, params if total == layers else "", layers])
        except Exception as error:
            print(f"{file.name}: not counted: {error!r}", flush=True)
            continue
        print(file.name, total, layers, flush=True)


def quantized(folder, name, rows):
    """The three forms of quantised models that ONNX Runtime makes, which must count as the model they came from."""
    import numpy
    import torch
    from onnxruntime import quantization as q

    net, side = model(name)
    disturb(net)
    image = torch.randn(1, 3, side, side)
    total, *_ = count(net, image)
    source = folder / f"{name}-float.onnx"
    torch.onnx.export(net, (image,), str(source), dynamo=False, input_names=["input"])

    class Calibration(q.CalibrationDataReader):
        images = iter([{"input": numpy.random.rand(1, 3, side, side).astype("float32")}])

        def get_next(self):
            return next(self.images, None)

    def static(target, form):
        Calibration.images = iter([{"input": image.numpy()}])
        q.quantize_static(str(source), target, Calibration(), quant_format=form)

    forms = {
        "dynamic": lambda target: q.quantize_dynamic(str(source), target),
        "qdq": lambda target: static(target, q.QuantFormat.QDQ),
        "qoperator": lambda target: static(target, q.QuantFormat.QOperator),
    }
    for form, quantize in forms.items():
        file = folder / f"{name}-{form}.onnx"
        quantize(str(file))
        strip(file)
        rows.writerow([file.name, total, "", total])
        print(file.name, total, flush=True)
    source.unlink()


def light(folder, rows):
    """The onnx package's own models."""
    data = Path(onnx.__file__).parent / "backend/test/data/light"
    for file in sorted(data.glob("light_*.onnx")):
        inferred = shape_inference.infer_shapes(onnx.load(file), data_prop=True)
        graph = inferred.graph
        shapes = {
            info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim]
            for info in [*graph.value_info, *graph.input, *graph.output]
        }
        for tensor in graph.initializer:
            shapes[tensor.name] = list(tensor.dims)
        macs = params = 0
        for node in graph.node:
            if node.op_type == "Conv":
                weight = shapes[node.input[1]]
                macs += math.prod(shapes[node.output[0]]) * math.prod(weight[1:])
            elif node.op_type == "Gemm":
                weight = shapes[node.input[1]]
                macs += math.prod(weight) * shapes[node.output[0]][0]
            else:
                if node.op_type == "BatchNormalization":
                    params += 2 * shapes[node.input[1]][0]
                continue
            params += sum(math.prod(shapes[name]) for name in node.input[1:])
        (folder / file.name).write_bytes(file.read_bytes())
        rows.writerow([file.name, macs, params, macs])


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    with open(folder / "expected.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "macs", "params", "layer_macs"])
        if not names:
            light(folder, rows)
            for name in QUANTIZED:
                quantized(folder, name, rows)
        for name in names or TORCHVISION + TIMM + SEGMENTATION:
            export(folder, name, rows)
            file.flush()


if __name__ == "__main__":
    main()
