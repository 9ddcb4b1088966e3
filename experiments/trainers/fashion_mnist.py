"""Trains a backbone on Fashion-MNIST: a command for roofnas' [quality.external].

    python3 experiments/trainers/fashion_mnist.py DIR [--seed N] [--images N] [--epochs N] [--threads N] [--score test]

DIR is what roofnas hands over: its network.py is trained, on one process and few threads. The last line printed is the
result, {"accuracy": ...} in per cent: on 5,000 training images that were held back, or with --score test on the 10,000 test
images, which nothing should be chosen by.

Needs torch and numpy, and the four files of Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist); Debian's
package dataset-fashion-mnist has them where --data looks.
"""

import argparse
import gzip
import importlib.util
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

HELD_BACK = 5_000
MEAN, STD = 0.2860, 0.3530  # of the training images' pixels, from 0 to 1
BATCH = 64
PEAK_LEARNING_RATE = 0.1
WEIGHT_DECAY = 5e-4
LABEL_SMOOTHING = 0.1


def read_idx(path):
    """An array in the IDX format, zipped."""
    with gzip.open(path) as file:
        data = file.read()
    dimensions = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load(folder, part):
    """Images as normalised floats, and labels."""
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    pixels = torch.from_numpy(images.astype(np.float32) / 255)
    return ((pixels - MEAN) / STD).unsqueeze(1), torch.from_numpy(labels.astype(np.int64))


def load_backbone(folder):
    """The module that roofnas wrote."""
    spec = importlib.util.spec_from_file_location("network", folder / "network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Backbone()


def augmented(images, random):
    """Mirrored or not, each image on its own. (Shifts as well cost 3 points in trainings as short as these.)"""
    mirrored = torch.rand(len(images), generator=random) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def train(model, images, labels, epochs, random):
    """Stochastic gradient descent under one rise and fall of the learning rate."""
    steps = epochs * (len(images) // BATCH)
    # on CPUs, depthwise convolutions take half the time in this layout
    model.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(), PEAK_LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=steps, pct_start=0.25)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=random)
        for batch in order[: len(order) // BATCH * BATCH].split(BATCH):
            outputs = model(augmented(images[batch], random))
            loss = functional.cross_entropy(outputs, labels[batch], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


@torch.no_grad()
def accuracy(model, images, labels):
    """Top-1 in per cent."""
    model.eval()
    right = sum(
        (model(part).argmax(1) == truth).sum().item() for part, truth in zip(images.split(1000), labels.split(1000))
    )
    return 100 * right / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what roofnas hands over")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--images", type=int, default=12_000, help="training images, of 55,000")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--score", choices=["held-back", "test"], default="held-back")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    options = parser.parse_args()

    began = time.monotonic()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    random = torch.Generator().manual_seed(options.seed)
    images, labels = load(options.data, "train")
    rest = len(images) - HELD_BACK
    if not BATCH <= options.images <= rest:
        parser.error(f"--images is from {BATCH} to {rest}")
    model = load_backbone(options.folder)
    train(model, images[: options.images], labels[: options.images], options.epochs, random)
    scored = load(options.data, "t10k") if options.score == "test" else (images[rest:], labels[rest:])
    reached = accuracy(model, *scored)
    # of a share of so many images, by chance alone: a training's own deviation comes on top, and the surrogate finds it
    std = math.sqrt(reached * (100 - reached) / len(scored[1]))
    print(
        json.dumps(
            {
                "accuracy": reached,
                "std": std,
                "seed": options.seed,
                "cost_s": round(time.monotonic() - began, 1),
                "unit": "percent",
            }
        )
    )


if __name__ == "__main__":
    main()
