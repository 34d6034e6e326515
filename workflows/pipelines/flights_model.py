"""The model as data: `manifest.json` says what goes in and how, `model.safetensors` holds the numbers. No pickle.

A small network over standardised numbers and learnt vectors (embeddings) for categories. Whoever reads the manifest
can serve it: order and types of the inputs, vocabularies, means and deviations, shapes, classes.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import dropout, embedding, linear, relu

FORMAT = 1
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Category:
    """An input whose values are looked up in `vocabulary`; row 0 of its vectors is for values that are not in it."""

    name: str
    type: str  # "string" or "int64"
    vocabulary: tuple[str | int, ...]

    @property
    def width(self) -> int:
        """Length of a vector: half as long as there are values, sixteen at most."""
        return min(16, (len(self.vocabulary) + 2) // 2)


@dataclass(frozen=True)
class Number:
    """An input that enters as (value - mean) / deviation, cut to ±`LIMIT`; unknown enters as 0, its mean."""

    name: str
    type: str  # "float64"
    mean: float
    deviation: float


LIMIT = 5.0


@dataclass(frozen=True)
class Manifest:
    """The typed part of a model: everything but the tensors."""

    categories: tuple[Category, ...]
    numbers: tuple[Number, ...]
    hidden: tuple[int, ...]
    classes: tuple[str, ...] = ("on time", "late")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor, in the order in which they are drawn."""
        shapes: dict[str, tuple[int, ...]] = {}
        width = len(self.numbers)
        for category in self.categories:
            shapes[f"embedding.{category.name}"] = (len(category.vocabulary) + 1, category.width)
            width += category.width
        for layer, size in enumerate((*self.hidden, 1)):
            shapes[f"layer.{layer}.weight"] = (size, width)
            shapes[f"layer.{layer}.bias"] = (size,)
            width = size
        return shapes

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "weights": WEIGHTS,
            **asdict(self),
            "signature": {
                "numbers": {"dtype": "float32", "shape": ["rows", len(self.numbers)]},
                "categories": {"dtype": "int64", "shape": ["rows", len(self.categories)]},
                "output": {"dtype": "float32", "shape": ["rows"], "meaning": "probability of the second class"},
            },
            "tensors": {name: {"dtype": "float32", "shape": list(shape)} for name, shape in self.shapes().items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Manifest":
        if data["format"] != FORMAT:
            raise ValueError(f"the model's manifest has format {data['format']}, this code reads {FORMAT}")
        return cls(
            categories=tuple(Category(c["name"], c["type"], tuple(c["vocabulary"])) for c in data["categories"]),
            numbers=tuple(Number(**n) for n in data["numbers"]),
            hidden=tuple(data["hidden"]),
            classes=tuple(data["classes"]),
        )


@dataclass(frozen=True)
class FlightModel:
    manifest: Manifest
    tensors: Mapping[str, torch.Tensor]


def encode(manifest: Manifest, features: pd.DataFrame) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network reads: float32 [rows, numbers] and int64 [rows, categories]."""
    values = features[[n.name for n in manifest.numbers]].to_numpy(dtype=np.float64)
    mean = np.array([n.mean for n in manifest.numbers])
    deviation = np.array([n.deviation for n in manifest.numbers])
    numbers = np.nan_to_num((values - mean) / deviation, nan=0.0).clip(-LIMIT, LIMIT).astype(np.float32)
    columns = [pd.Index(c.vocabulary).get_indexer(features[c.name]) + 1 for c in manifest.categories]
    return torch.from_numpy(numbers), torch.from_numpy(np.stack(columns, axis=1).astype(np.int64))


def logits(
    manifest: Manifest,
    tensors: Mapping[str, torch.Tensor],
    numbers: torch.Tensor,
    categories: torch.Tensor,
    drop: float = 0.0,
) -> torch.Tensor:
    """Log-odds of the second class, [rows]. `drop`: share of hidden units silenced, while training."""
    vectors = [embedding(categories[:, i], tensors[f"embedding.{c.name}"]) for i, c in enumerate(manifest.categories)]
    state = torch.cat([numbers, *vectors], dim=1)
    last = len(manifest.hidden)
    for layer in range(last):
        state = relu(linear(state, tensors[f"layer.{layer}.weight"], tensors[f"layer.{layer}.bias"]))
        state = dropout(state, drop, training=drop > 0)
    return linear(state, tensors[f"layer.{last}.weight"], tensors[f"layer.{last}.bias"])[:, 0]


def predict(model: FlightModel, features: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Probability that each flight is late, [rows]."""
    with torch.inference_mode():
        scores = torch.sigmoid(logits(model.manifest, model.tensors, *encode(model.manifest, features)))
    return np.asarray(scores.numpy(), dtype=np.float32)


def save(model: FlightModel, folder: Path) -> None:
    """Write manifest and tensors. Equal models give equal bytes."""
    folder.mkdir(parents=True)
    text = json.dumps(model.manifest.to_json(), sort_keys=True, indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    save_file({name: tensor.detach().contiguous() for name, tensor in model.tensors.items()}, folder / WEIGHTS)


def load(folder: Path) -> FlightModel:
    """Read what `save` wrote. Raises ValueError for another format, or tensors that the manifest does not describe."""
    manifest = Manifest.from_json(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    tensors = load_file(folder / WEIGHTS)
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != manifest.shapes():
        raise ValueError(f"{folder / WEIGHTS} has tensors {found}, the manifest says {manifest.shapes()}")
    return FlightModel(manifest, tensors)
