"""What the engines that run in Python have in common: inputs, and the loop that answers requests.

    python3 -c "$(cat serve.py ENGINE.py)" THREADS BATCH DTYPE

A file with an engine follows this one and ends with `serve(...)`. The process stays, with any number of networks loaded. It answers each
line of JSON on standard input with one on standard output, until its input ends:

    {"request": 1, "load": ID, "path": "MODEL.onnx", "scratch": "FOLDER"}
                                            {"request": 1, "initialisation_s": S, "resident_bytes": BYTES or null}
    {"request": 2, "run": ID, "count": N}   {"request": 2, "seconds": [S, ...]}, one for each run
    {"request": 3, "nodes": ID, "count": N} {"request": 3, "nodes": [[NAME, TYPE, KERNEL, S], ...] or null}
    {"request": 4, "drop": ID}              {"request": 4}

Before the first, it says {"request": 0, "version": V, "python": PATH}, or {"request": 0, "missing": WORDS} without a package that it
needs, and ends. What can't be done is answered by {"request": N, "error": WORDS}, and concerns that network alone.
"""

import sys

# a script handed over by -c finds modules in the current folder, which may hold anything: not even what follows is imported from there
sys.path = [folder for folder in sys.path if folder]

import gc
import importlib.metadata
import json
import os
import signal
import time


class Refused(Exception):
    """A network that can't be run, in words for whoever named it."""


class Conditions:
    """What every network runs under."""

    def __init__(self, threads, batch, dtype):
        self.threads, self.batch, self.dtype = int(threads), int(batch), dtype


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


def package_version(package, otherwise):
    """What the installed package is called, without the number of the build that its library adds."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return otherwise


def loaded(engine, path, scratch):
    """A network that has run once and computes numbers, with the fields of the answer."""
    before = resident_bytes()
    network, initialisation_s = engine.load(path, scratch)
    # the first run allocates
    network.infer()
    after = resident_bytes()
    network.check()
    grown = None if before is None or after is None else max(0, after - before)
    return network, {"initialisation_s": initialisation_s, "resident_bytes": grown}


def timed(network, count):
    """Seconds of each run."""
    clock, infer, seconds = time.perf_counter, network.infer, []
    for _ in range(count):
        start = clock()
        infer()
        seconds.append(clock() - start)
    return seconds


def answered(engine, networks, request):
    """The fields of the answer."""
    if "load" in request:
        network, fields = loaded(engine, request["path"], request["scratch"])
        networks[request["load"]] = network
        return fields
    if "run" in request:
        return {"seconds": timed(networks[request["run"]], request["count"])}
    if "nodes" in request:
        return {"nodes": networks[request["nodes"]].nodes(request["count"])}
    networks.pop(request["drop"], None)
    gc.collect()
    return {}


def words(error):
    """An error in a line. Libraries say where in their source it arose, which is of no use to anybody else."""
    if isinstance(error, Refused):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from ", "Check '"))]
    return " | ".join((telling or lines)[-5:])[-1000:] or type(error).__name__


def serve(start):
    """Answers requests. `start` makes the engine of the conditions; it imports what is needed."""
    # native libraries print what they like: not between the answers
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # ctrl-C is for whoever asks: there the turn is finished first
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def answer(number, fields):
        wire.write(json.dumps({"request": number, **fields}) + "\n")
        wire.flush()

    try:
        engine = start(Conditions(*sys.argv[1:]))
    except ImportError as error:
        answer(0, {"missing": str(error)})
        return
    answer(0, {"version": engine.version, "python": sys.executable})
    # no pause of the interpreter's own falls into a run; what is dropped is collected then
    gc.disable()
    networks = {}
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        try:
            fields = answered(engine, networks, request)
        except Exception as error:
            fields = {"error": words(error)}
        answer(request["request"], fields)
