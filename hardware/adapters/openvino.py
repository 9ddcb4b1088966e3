"""OpenVINO on the CPU; needs the packages openvino and numpy.

The model's file may keep its weights in other files beside it. OpenVINO would compute in bfloat16 where the processor has it; here it
computes in the stated dtype (for int8, which the file itself must hold, the rest is done in single precision).
"""

PRECISIONS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}


class OpenVino:
    def __init__(self, conditions):
        import numpy
        import openvino

        self.np, self.ov, self.conditions = numpy, openvino, conditions
        self.version = package_version("openvino", openvino.get_version())
        self.core = openvino.Core()

    def load(self, path, scratch):
        start = time.perf_counter()
        compiled, shapes = self.compile(path)
        initialisation_s = time.perf_counter() - start
        return OpenVinoNetwork(self, path, compiled, shapes), initialisation_s

    def compile(self, path, **more):
        """The compiled model, and the shapes of its inputs."""
        model = self.core.read_model(path)
        shapes = [input_shape(value, self.conditions.batch) for value in model.inputs]
        model.reshape({position: shape for position, shape in enumerate(shapes)})
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(self.conditions.threads),
            "INFERENCE_PRECISION_HINT": PRECISIONS[self.conditions.dtype],
        }
        return self.core.compile_model(model, "CPU", {**options, **more}), shapes

    def request(self, compiled, shapes):
        request = compiled.create_infer_request()
        for position, shape in enumerate(shapes):
            request.set_input_tensor(position, self.ov.Tensor(elements(self.np, position, shape)))
        return request


class OpenVinoNetwork:
    def __init__(self, engine, path, compiled, shapes):
        self.engine, self.path = engine, path
        self.request = engine.request(compiled, shapes)
        self.infer = self.request.infer

    def check(self):
        if not all(self.engine.np.isfinite(output.data).all() for output in self.request.output_tensors):
            raise Refused("an output holds NaN or infinity")

    def nodes(self, count):
        """What each node takes, by a model that is compiled for that alone: counting takes time."""
        compiled, shapes = self.engine.compile(self.path, PERF_COUNT="YES")
        request = self.engine.request(compiled, shapes)
        # what a node was made of: itself and all that was fused into it
        made_of = {}
        for node in compiled.get_runtime_model().get_ordered_ops():
            known = node.get_rt_info()
            names = known["originalLayersNames"].astype(str) if "originalLayersNames" in known else ""
            made_of[node.friendly_name] = names or node.friendly_name
        sums, times = [], []
        # one more to warm up
        for run in range(1, count + 2):
            start = time.perf_counter()
            request.infer()
            times.append(time.perf_counter() - start)
            infos = request.profiling_info
            sums.append([run * microseconds(info) for info in infos])
        seconds = quick(self.engine.np, sums, times)
        ran = [info.status == info.Status.EXECUTED for info in infos]
        return [
            [made_of.get(info.node_name, info.node_name), info.node_type, info.exec_type, float(s)]
            for info, s, ran in zip(infos, seconds, ran)
            if ran
        ]


def microseconds(info):
    """The mean of a node's runs so far, all of them: OpenVINO cuts it off to whole microseconds, of which half a one is left on average."""
    whole = info.real_time.total_seconds() * 1e6
    return round(whole) + 0.5 if whole > 0 else 0.0


def quick(np, sums, times):
    """Seconds of each node: the mean of the quicker half of the runs, of which the first is none.

    The others are those in which the machine did something else. What a node takes in one run comes from means of all runs so far, and is
    known to as many microseconds as there were; in the mean of half the runs, a microsecond of that is left, as often too much as too little.
    """
    each, times = np.diff(np.array(sums), axis=0), np.array(times[1:])
    half = np.argsort(times)[: (len(times) + 1) // 2]
    return np.maximum(each[half].mean(axis=0), 0.0) * 1e-6


def input_shape(value, batch):
    """The shape to run at: the stated batch where the model leaves it open."""
    name = value.get_any_name()
    kind = value.get_element_type().get_type_name()
    if kind != "f32":
        raise Refused(f"input {name} holds {kind}; only single precision (float32) can be fed")
    shape = value.get_partial_shape()
    if shape.rank.is_dynamic:
        raise Refused(f"input {name} has no shape in the file")
    sizes = [None if size.is_dynamic else size.get_length() for size in shape]
    if sizes and sizes[0] is None:
        sizes[0] = batch
    if len(sizes) > 1 and sizes[0] != batch:
        raise Refused(
            f"input {name} takes {sizes[0]} images at once, always, and {batch} were asked for; "
            f"export the model for {batch}, or with an open batch"
        )
    if None in sizes:
        raise Refused(
            f"input {name} leaves the size of axis {sizes.index(None)} open; only the batch may be: "
            "export the model for the resolution it will run at"
        )
    return sizes


serve(OpenVino)
