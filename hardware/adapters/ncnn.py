"""ncnn on the CPU; needs the packages ncnn, pnnx and numpy.

pnnx converts each model when it is loaded. ncnn takes one image at a time. It would store tensors as half precision where the processor is
fast at that; here that is done for fp16 and bf16 only.
"""

import importlib.util
import re
import shutil
import subprocess
import tempfile


class Ncnn:
    def __init__(self, conditions):
        import ncnn
        import numpy

        self.np, self.ncnn, self.conditions = numpy, ncnn, conditions
        self.converter = converter()
        self.version = package_version("ncnn", ncnn.__version__)

    def load(self, path, scratch):
        # in memory once it is loaded: the files need not stay
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            structure, weights, shapes = convert(self.converter, path, folder)
            if any(shape[0] != 1 for shape in shapes):
                raise Refused(f"the model takes {shapes[0][0]} images at once, always, and ncnn one; export it for 1, or with an open batch")
            start = time.perf_counter()
            net = self.net(structure, weights)
            initialisation_s = time.perf_counter() - start
        return NcnnNetwork(self, net, shapes), initialisation_s

    def net(self, structure, weights):
        net = self.ncnn.Net()
        half = self.conditions.dtype == "fp16"
        net.opt.num_threads = self.conditions.threads
        net.opt.use_vulkan_compute = False
        net.opt.use_fp16_packed = half
        net.opt.use_fp16_storage = half
        net.opt.use_fp16_arithmetic = half
        net.opt.use_bf16_storage = self.conditions.dtype == "bf16"
        if net.load_param(structure) != 0 or net.load_model(weights) != 0:
            raise Refused("it has an operator that ncnn doesn't know")
        return net


class NcnnNetwork:
    def __init__(self, engine, net, shapes):
        self.engine, self.net = engine, net
        # ncnn reads these where they are
        self.images = [elements(engine.np, position, shape)[0] for position, shape in enumerate(shapes)]
        self.fed = [(name, engine.ncnn.Mat(image)) for name, image in zip(net.input_names(), self.images)]
        self.taken = list(net.output_names())

    def infer(self):
        extractor = self.net.create_extractor()
        for name, image in self.fed:
            extractor.input(name, image)
        return [extractor.extract(name) for name in self.taken]

    def check(self):
        np = self.engine.np
        if not all(code == 0 and np.isfinite(np.array(output)).all() for code, output in self.infer()):
            raise Refused("a run failed, or an output holds NaN or infinity")

    def nodes(self, count):
        """The package doesn't say."""
        return None


def converter():
    """The program in the package pnnx. Importing that would take seconds, and bring all of PyTorch into this process."""
    package = importlib.util.find_spec("pnnx")
    if package is None or package.origin is None:
        raise ImportError("No module named 'pnnx'")
    return os.path.join(os.path.dirname(os.path.abspath(package.origin)), "pnnx.exe" if os.name == "nt" else "pnnx")


def convert(converter, model, folder):
    """Converts the model; returns the files for ncnn, and the shapes of the inputs (an open batch becomes 1)."""
    source, graph = os.path.join(folder, "network.onnx"), os.path.join(folder, "network.pnnx.param")
    structure, weights = os.path.join(folder, "network.ncnn.param"), os.path.join(folder, "network.ncnn.bin")
    try:
        # it writes beside the model, whatever else it is told
        os.symlink(os.path.abspath(model), source)
    except OSError:
        shutil.copyfile(model, source)
    # of what it writes for others, the weights come three times more
    others = [f"{other}={os.devnull}" for other in ("pnnxbin", "pnnxpy", "pnnxonnx", "ncnnpy")]
    command = [converter, source, "fp16=0", *others]
    result = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0 or not os.path.exists(structure):
        tail = result.stdout.decode(errors="replace").strip().splitlines()[-5:]
        raise Refused("pnnx can't convert it: " + (" | ".join(tail) or f"it ended with {result.returncode}"))
    with open(graph) as file:
        inputs = re.findall(r"^pnnx\.Input .*#\d+=\(([\d,]+)\)", file.read(), re.MULTILINE)
    if not inputs:
        raise Refused("the shape of its input is open")
    return structure, weights, [[int(size) for size in sizes.split(",")] for sizes in inputs]


serve(Ncnn)
