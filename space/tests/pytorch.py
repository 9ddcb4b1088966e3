"""Checks PyTorch sources written by roofnas against the same networks as ONNX, in ONNX Runtime.

    python3 pytorch.py FOLDER

For every NAME.py with its NAME.onnx in the folder:

- the module takes the ONNX file's weights, name by name, and puts out what ONNX Runtime does: once with
  batch norm as the identity, once with random batch norms, folded into the ONNX file by hand;
- `features_only` gives the feature maps that `feature_info` describes, by number, channels, stride and
  module, and those that are outputs of the ONNX file have its values;
- parameters and MACs are those its first lines state, and of published networks, the published ones;
- initial weights have the variance of He-normal; other `num_classes` and `in_chans` work;
- a step of SGD has a gradient for every parameter, with and without `features_only`, and stays finite;
- a traced module does the same; so does what torch.onnx exports (published networks).

Where black and pyflakes are installed, the sources must pass both.
"""

import importlib.util
import io
import math
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

TOLERANCE = 1e-4  # of the largest value

# as torchvision and pycls count them
PARAMETERS = {
    "ResNet-18": 11_689_512,
    "ResNet-50": 25_557_032,
    "MobileNetV2": 3_504_872,
    "MobileNetV3-large": 5_483_032,
    "EfficientNet-B0": 5_288_548,
    "RegNetX-400MF": 5_157_512,
}

worst = {}


def load(path):
    name = "exported_" + re.sub(r"\W", "_", path.stem)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(what, found, expected):
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else found
    assert found.shape == expected.shape, (what, found.shape, expected.shape)
    assert np.isfinite(expected).all(), what
    scale = float(np.abs(expected).max())
    assert scale > 0, f"{what}: nothing but zeros"
    error = float(np.abs(found - expected).max()) / scale
    worst[what] = max(worst.get(what, 0), error)
    assert error < TOLERANCE, f"{what}: differs by {error:.1e} of the largest value"


def run_onnx(model, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (image,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {image.name: x}), strict=True))


# --- weights ------------------------------------------------------------------------------------------


def module_name(layer):
    """The module that a layer has become."""
    for single in ("stem", "head"):
        if layer.startswith(f"{single}.{single}."):
            return layer.removeprefix(f"{single}.")
    if layer.startswith("head."):
        return layer.removeprefix("head.")
    stage, block, rest = re.fullmatch(r"stage(\d+)\.block(\d+)\.(.*)", layer).groups()
    return f"stages.{int(stage) - 1}.{int(block) - 1}.{rest}"


def modules_of(model, network):
    """The module of every layer with weights, by the layer's name."""
    names = [w.name for w in model.graph.initializer]
    layers = [n.removesuffix(".weight") for n in names if n.endswith(".weight")]
    modules = dict(network.named_modules())
    found = {}
    for layer in layers:
        name = module_name(layer)
        if name not in modules:
            # a block that is a convolution and nothing else
            name = re.sub(r"\.(spatial|project)\.conv$", ".conv", name)
        assert isinstance(modules[name], (torch.nn.Conv2d, torch.nn.Linear)), name
        found[layer] = name
    return found


def copy_weights(model, network):
    """Copies every weight and bias, of which neither side has any that the other hasn't."""
    weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    left = {name for name, _ in network.named_parameters()}
    modules = modules_of(model, network)
    used = set()
    with torch.no_grad():
        for layer, name in modules.items():
            module = network.get_submodule(name)
            module.weight.copy_(torch.from_numpy(weights[f"{layer}.weight"].copy()))
            left.remove(f"{name}.weight")
            used.add(f"{layer}.weight")
            if module.bias is not None:
                module.bias.copy_(torch.from_numpy(weights[f"{layer}.bias"].copy()))
                left.remove(f"{name}.bias")
            else:  # folded, as the identity
                assert not weights[f"{layer}.bias"].any()
            used.add(f"{layer}.bias")
    norms = batch_norms(network)
    left -= {f"{name}.{part}" for name in norms for part in ("weight", "bias")}
    assert not left, f"not in the ONNX file: {left}"
    unused = {name for name in weights if name.endswith((".weight", ".bias"))} - used
    assert not unused, f"not in the module: {unused}"
    assert len(set(modules.values())) == len(modules)


def batch_norms(network):
    modules = network.named_modules()
    return {n: m for n, m in modules if isinstance(m, torch.nn.BatchNorm2d)}


def identity_norms(network):
    for norm in batch_norms(network).values():
        # the ONNX file folds an untrained batch norm as the identity, without its epsilon
        norm.running_var.fill_(1 - norm.eps)


def random_norms(network, rng):
    def draw(low, high, like):
        values = rng.uniform(low, high, tuple(like.shape)).astype(np.float32)
        return torch.from_numpy(values)

    with torch.no_grad():
        for norm in batch_norms(network).values():
            norm.weight.copy_(draw(0.5, 1.5, norm.weight))
            norm.bias.copy_(draw(-0.5, 0.5, norm.bias))
            norm.running_mean.copy_(draw(-0.5, 0.5, norm.running_mean))
            norm.running_var.copy_(draw(0.5, 2.0, norm.running_var))


def fold_norms(model, network):
    """The ONNX model with the network's batch norms in its convolutions."""
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    initializers = {w.name: w for w in folded.graph.initializer}
    norms = batch_norms(network)
    for layer, name in modules_of(model, network).items():
        norm = norms.pop(name.removesuffix(".conv") + ".bn", None)
        if norm is None or not name.endswith(".conv"):
            continue
        gamma, beta, mean, var = (
            tensor.detach().numpy().astype(np.float64)
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )
        scale = gamma / np.sqrt(var + norm.eps)
        weight = initializers[f"{layer}.weight"]
        values = numpy_helper.to_array(weight) * scale[:, None, None, None]
        bias = initializers[f"{layer}.bias"]
        for initializer, new in ((weight, values), (bias, beta - mean * scale)):
            new = numpy_helper.from_array(new.astype(np.float32), initializer.name)
            initializer.CopyFrom(new)
    assert not norms, norms
    return folded


# --- checks -------------------------------------------------------------------------------------------


def check_outputs(what, expected, classifier, pyramid, x):
    """Logits and feature maps against the ONNX file's."""
    strides = [info["reduction"] for info in pyramid.feature_info]
    with torch.no_grad():
        if "logits" in expected:
            compare(f"logits, {what}", classifier(x), expected.pop("logits"))
        maps = pyramid(x)
        assert len(maps) == len(strides)
        if expected:
            assert list(expected) == [f"stride{stride}" for stride in strides]
        for found, map in zip(maps, expected.values()):
            compare(f"feature maps, {what}", found, map)


def check_pyramid(classifier, pyramid, x):
    """Feature maps against `feature_info` and the modules it names."""
    seen = {}
    hooks = [
        classifier.get_submodule(info["module"]).register_forward_hook(
            lambda _, __, output, name=info["module"]: seen.update({name: output})
        )
        for info in pyramid.feature_info
    ]
    with torch.no_grad():
        classifier(x)
        maps = pyramid(x)
    for hook in hooks:
        hook.remove()
    reductions = [info["reduction"] for info in pyramid.feature_info]
    assert reductions == sorted(set(reductions))
    for info, map in zip(pyramid.feature_info, maps, strict=True):
        sides = [math.ceil(side / info["reduction"]) for side in x.shape[2:]]
        assert list(map.shape) == [len(x), info["num_chs"], *sides], info
        assert torch.equal(map, seen[info["module"]]), info


def check_counts(name, source, network, x):
    stated = re.search(
        r"^([\d,]+) parameters, ([\d,]+) MACs for a (\S+) image", source, re.M
    )
    parameters, macs = (int(n.replace(",", "")) for n in stated.group(1, 2))
    assert stated.group(3) == "x".join(map(str, x.shape[1:]))
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert PARAMETERS.get(name.removeprefix("landmark-"), parameters) == parameters
    counted = 0

    def count(module, _, output):
        nonlocal counted
        counted += module.weight[0].numel() * output[0].numel()

    layers = (torch.nn.Conv2d, torch.nn.Linear)
    hooks = [
        m.register_forward_hook(count)
        for m in network.modules()
        if isinstance(m, layers)
    ]
    with torch.no_grad():
        network(x[:1])
    for hook in hooks:
        hook.remove()
    assert counted == macs, (counted, macs)


def check_initial_weights(network):
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert (module.weight == 1).all() and (module.bias == 0).all(), name
        if not isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            continue
        assert module.bias is None or (module.bias == 0).all(), name
        weight = module.weight.detach()
        ratio = float((weight**2).mean()) * weight[0].numel() / 2
        # five standard errors of a variance
        assert abs(ratio - 1) < 5 * math.sqrt(2 / weight.numel()), (name, ratio)


def check_other_sizes(module, network, classes, x):
    pooled = module.Backbone(num_classes=0, features_only=False).eval()
    other = module.Backbone(num_classes=7, in_chans=5, features_only=False).eval()
    gray = module.Backbone(in_chans=1, features_only=True).eval()
    with torch.no_grad():
        features = pooled.forward_features(x)
        assert features.shape[1] == pooled.num_features
        assert pooled(x).shape == (len(x), pooled.head_hidden_size)
        assert network.num_classes == classes
        image = torch.randn(1, 5, *x.shape[2:])
        assert other(image).shape == (1, 7)
        maps = gray(image[:, :1])
        assert [m.shape[1] for m in maps] == [i["num_chs"] for i in gray.feature_info]


def check_training(network, x):
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    output = network(x)
    if isinstance(output, list):
        # at random, for batch norm keeps means and squares as they are
        loss = sum((map * torch.randn_like(map)).sum(1).mean() for map in output)
    else:
        labels = torch.arange(len(x)) % output.shape[1]
        loss = torch.nn.functional.cross_entropy(output, labels)
    loss.backward()
    assert math.isfinite(loss.item())
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{name} is not used"
        assert torch.isfinite(parameter.grad).all(), name
    optimizer.step()
    with torch.no_grad():
        again = network(x)
    maps = again if isinstance(again, list) else [again]
    assert all(torch.isfinite(map).all() for map in maps)
    moved = [
        name
        for name, parameter in network.named_parameters()
        if not torch.equal(parameter, before[name])
    ]
    # not all: a bias that the next batch norm takes away again has no gradient but rounding errors
    assert len(moved) > 0.8 * len(before), f"{len(moved)} of {len(before)} changed"


def check_portable(name, network, x, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, x)
        with torch.no_grad():
            compare("traced", traced(x), expected)
        if name.startswith("landmark"):
            file = io.BytesIO()
            torch.onnx.export(network, (x,), file, opset_version=17, dynamo=False)
            (output,) = run_onnx(
                onnx.load_from_string(file.getvalue()), x.numpy()
            ).values()
            compare("exported by torch", output, expected)


def check(path):
    source = path.read_text()
    model = onnx.load(path.with_suffix(".onnx"))
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (2, *shape)).astype(np.float32)
    image = torch.from_numpy(x)
    expected = run_onnx(model, x)
    has_head = "logits" in expected
    classes = expected["logits"].shape[1] if has_head else 0

    module = load(path)
    torch.manual_seed(1)
    default = module.Backbone()
    assert default.features_only != has_head
    classifier = module.Backbone(features_only=False).eval()
    pyramid = module.Backbone(features_only=True).eval()
    check_initial_weights(classifier)
    check_counts(path.stem, source, classifier, image)
    check_other_sizes(module, classifier, classes, image)

    copy_weights(model, classifier)
    for what in ("identity norms", "random norms"):
        if what == "identity norms":
            identity_norms(classifier)
        else:
            random_norms(classifier, rng)
            expected = run_onnx(fold_norms(model, classifier), x)
        missing, _ = pyramid.load_state_dict(classifier.state_dict(), strict=False)
        assert not missing, missing
        logits = expected.get("logits")
        check_outputs(what, dict(expected), classifier, pyramid, image)
    check_pyramid(classifier, pyramid, image)
    if has_head:
        check_portable(path.stem, classifier, image, logits)
    for features_only in (False, True):
        check_training(module.Backbone(features_only=features_only), image)


def check_style(paths):
    """Black and pyflakes over everything, where they are installed."""
    for tool, arguments in (("black", ["--check", "--quiet"]), ("pyflakes", [])):
        if importlib.util.find_spec(tool) is None:
            print(f"{tool} is not installed: not checked with")
            continue
        # file by file: black passes over folders that git ignores
        command = [sys.executable, "-m", tool, *arguments, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            yield f"{tool}: {done.stdout}{done.stderr or 'would reformat'}"


def main(folder):
    sys.dont_write_bytecode = True
    paths = sorted(Path(folder).glob("*.py"))
    failures = list(check_style(paths))
    for path in paths:
        try:
            check(path)
        except Exception as error:  # whatever it is, the other networks are checked too
            failures.append(f"{path.name}: {type(error).__name__}: {error}")
    print(
        f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}: "
        f"{len(paths)} networks, {len(failures)} failures"
    )
    for what, error in sorted(worst.items()):
        print(f"largest difference of {what}: {error:.1e} of the largest value")
    for failure in failures:
        print(failure)
    return 1 if failures or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
