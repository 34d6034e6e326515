import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from flights_features import load_features
from flights_metrics import hour_by_carrier_rate, rank_auc
from flights_model import FlightModel, Manifest, encode, load, predict
from flights_train import fit


@pytest.fixture(scope="module")
def folder(tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every fifth flight of January."""
    sample = load_features(tables["january"]).iloc[::5]
    return Path(fit(sample, epochs=1, seed=3, folder=str(tmp_path_factory.mktemp("model") / "model")))


def test_a_model_is_a_manifest_and_safetensors(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.safetensors"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert manifest["classes"] == ["on time", "late"]
    assert [c["name"] for c in manifest["categories"]] == ["carrier", "origin", "dest", "hour", "weekday"]
    assert manifest["categories"][1] == {"name": "origin", "type": "string", "vocabulary": ["EWR", "JFK", "LGA"]}
    assert manifest["signature"]["numbers"] == {"dtype": "float32", "shape": ["rows", len(manifest["numbers"])]}
    assert manifest["tensors"]["embedding.origin"] == {"dtype": "float32", "shape": [4, 2]}


def test_loading_uses_no_pickle(folder: Path, tables: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was read with pickle")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    scores = predict(load(folder), load_features(tables["november"]))
    assert ((scores > 0) & (scores < 1)).all()


def test_a_manifest_survives_json(folder: Path) -> None:
    manifest = load(folder).manifest
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_a_newer_format_and_foreign_tensors_are_refused(folder: Path, tmp_path: Path) -> None:
    written = json.loads((folder / "manifest.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps(written | {"format": 2}))
    with pytest.raises(ValueError, match="has format 2, this code reads 1"):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps(written | {"hidden": [8]}))
    with pytest.raises(ValueError, match="the manifest says"):
        load(tmp_path)


def test_unseen_and_unknown_values_have_a_place(folder: Path, tables: dict[str, Path]) -> None:
    model = load(folder)
    row = load_features(tables["november"]).iloc[:1].assign(carrier="ZZ", temp=float("nan"), distance=1e9)
    numbers, categories = encode(model.manifest, row)
    assert categories[0, 0] == 0
    names = [n.name for n in model.manifest.numbers]
    assert numbers[0, names.index("temp")] == 0.0
    assert numbers[0, names.index("distance")] == 5.0


def test_the_same_seed_gives_the_same_bytes(folder: Path, tables: dict[str, Path], tmp_path: Path) -> None:
    sample = load_features(tables["january"]).iloc[::5]
    again = Path(fit(sample, epochs=1, seed=3, folder=str(tmp_path / "again")))
    other = Path(fit(sample, epochs=1, seed=4, folder=str(tmp_path / "other")))
    for name in ("manifest.json", "model.safetensors"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert (other / "model.safetensors").read_bytes() != (folder / "model.safetensors").read_bytes()


def test_a_month_of_training_beats_hour_and_carrier(tables: dict[str, Path], tmp_path: Path) -> None:
    """A fast cut of the real gate: learn from January, judge on November."""
    past, future = load_features(tables["january"]), load_features(tables["november"])
    model = load(Path(fit(past, epochs=6, seed=1, folder=str(tmp_path / "model"))))
    late = future["late"].to_numpy()
    auc = rank_auc(predict(model, future), late)
    assert auc > rank_auc(hour_by_carrier_rate(past, future), late) + 0.01


def test_an_order_of_rows_is_kept(folder: Path, tables: dict[str, Path]) -> None:
    model: FlightModel = load(folder)
    rows: pd.DataFrame = load_features(tables["november"]).iloc[:50]
    np.testing.assert_allclose(predict(model, rows.iloc[::-1])[::-1], predict(model, rows), rtol=1e-5)
