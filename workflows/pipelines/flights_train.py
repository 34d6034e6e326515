"""Training: the manifest is measured on the training data alone, then the tensors are learnt.

The same data, epochs and seed give the same bytes on the same machine and torch: one seed for everything that is
drawn, deterministic kernels, a fixed number of threads (sums are split among threads, so their number is part of
the result).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from flights_features import CATEGORICAL, FEATURES, NUMERIC, refuse_leakage
from flights_model import Category, FlightModel, Manifest, Number, encode, logits, save
from torch.nn.functional import binary_cross_entropy_with_logits

HIDDEN = (128, 64)
BATCH = 2048
LEARNING_RATE = 2e-3  # the peak: it rises over the first third of the steps and falls to nearly nothing
DROP = 0.2
THREADS = 2


def fit(features: pd.DataFrame, *, epochs: int, seed: int, folder: str) -> str:
    """Train on `features`, save to `folder` and return it."""
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    manifest = measure(features)
    refuse_leakage([i.name for i in (*manifest.categories, *manifest.numbers)], FEATURES)
    tensors = learn(manifest, features, epochs)
    save(FlightModel(manifest, tensors), Path(folder))
    return folder


def measure(features: pd.DataFrame) -> Manifest:
    """Vocabularies, means and deviations of the training data, in the order of the features."""
    numbers = features[list(NUMERIC)].astype("float64")
    mean, deviation = numbers.mean(), numbers.std(ddof=0).replace(0.0, 1.0)  # a constant column stays 0
    return Manifest(
        categories=tuple(_category(features[name]) for name in CATEGORICAL),
        numbers=tuple(Number(name, "float64", float(mean[name]), float(deviation[name])) for name in NUMERIC),
        hidden=HIDDEN,
    )


def _category(values: pd.Series) -> Category:
    vocabulary = np.unique(values.to_numpy()).tolist()
    return Category(str(values.name), "int64" if isinstance(vocabulary[0], int) else "string", tuple(vocabulary))


def draw(manifest: Manifest) -> dict[str, torch.Tensor]:
    """First values: unit normal vectors for categories, uniform ±1/sqrt(inputs) for layers, as torch's own modules."""
    tensors: dict[str, torch.Tensor] = {}
    bound = 0.0
    for name, shape in manifest.shapes().items():
        if name.startswith("embedding."):
            tensors[name] = torch.randn(shape)
        else:
            bound = shape[1] ** -0.5 if len(shape) == 2 else bound  # a bias has the bound of the weight before it
            tensors[name] = torch.empty(shape).uniform_(-bound, bound)
    return {name: tensor.requires_grad_() for name, tensor in tensors.items()}


def learn(manifest: Manifest, features: pd.DataFrame, epochs: int) -> dict[str, torch.Tensor]:
    """Minimise the cross-entropy by AdamW over shuffled batches; prints the mean loss of each epoch."""
    numbers, categories = encode(manifest, features)
    late = torch.from_numpy(features["late"].to_numpy(dtype=np.float32))
    tensors = draw(manifest)
    steps = epochs * -(-len(late) // BATCH)
    optimizer = torch.optim.AdamW(tensors.values(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for rows in torch.randperm(len(late)).split(BATCH):
            scores = logits(manifest, tensors, numbers[rows], categories[rows], DROP)
            loss = binary_cross_entropy_with_logits(scores, late[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch} of {epochs}: mean loss {total / len(late):.4f}")
    return tensors
