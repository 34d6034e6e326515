"""The pipeline itself: its graph, and its steps called as the plain functions that they are."""

import subprocess
import sys
from pathlib import Path

import pytest

from tiphys.workflows.graph import Literal


def test_the_graph_is_the_one_of_the_readme() -> None:
    from flights import flights

    graph = flights.build({})
    assert [call.address for call in graph.calls] == [
        "ingest",
        "read_weather",
        "read_planes",
        "clean",
        "featurize",
        "split_by_time",
        "train",
        "evaluate",
        "model_card",
    ]
    (months,) = graph.scopes.values()
    assert months.items == Literal(list(range(1, 13)))
    assert months.parallel == 4
    card = graph.calls[-1]
    assert [condition.expected for condition in card.conditions] == [True]


def test_building_imports_neither_pandas_nor_torch_nor_arrow(tmp_path: Path) -> None:
    code = (
        "import sys; from flights import flights; flights.build({});"
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'torch'} & set(sys.modules)))"
    )
    folder = str(Path(__file__).parents[2] / "workflows" / "pipelines")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": folder}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_contract_step_drops_and_counts(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import flights
    from flights_data import read

    monkeypatch.chdir(tmp_path)
    kept = flights.clean(flights.RawFlights(tables["flights"]))
    assert capsys.readouterr().out == "dropped 9,430 cancelled or diverted of 336,776 flights\n"
    arrived = read(kept.path)
    assert len(arrived) == 327_346
    assert arrived["arr_delay"].null_count == 0


def test_from_two_months_to_a_model_card(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step after the contract, on January and November."""
    from datetime import date

    import flights

    monkeypatch.chdir(tmp_path)
    inputs = (
        flights.CompletedFlights(tables["completed"]),
        flights.Weather(tables["weather"]),
        flights.Planes(tables["planes"]),
    )
    split = flights.split_by_time([flights.featurize(*inputs, month=m) for m in (1, 11)], date(2013, 10, 1))
    model = flights.train(split.train, epochs=2, seed=1)
    found = flights.evaluate(model, train=split.train, test=split.test, margin=0.0)
    assert found.flights == 26_971
    assert found.gate == found.baseline_auc
    assert found.passed == (found.auc >= found.gate)
    card = flights.model_card(model, found).path.read_text()
    assert f"AUC {found.auc:.4f} on 26,971 later flights" in card
    assert "| carrier | string | 16 values |" in card


def test_a_worse_model_does_not_pass(tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import flights

    monkeypatch.chdir(tmp_path)
    january, november = flights.Features(tables["january"]), flights.Features(tables["november"])
    found = flights.evaluate(flights.train(january, epochs=1, seed=1), train=january, test=november, margin=0.4)
    assert not found.passed
    assert found.gate == pytest.approx(found.baseline_auc + 0.4)
