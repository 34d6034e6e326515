"""A project with a real store in which two runs have been, and the command line called in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.builders import a_call, a_graph, a_run, a_writer, an_entry, items
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import Json, StepRecord
from tiphys.workflows.cli.main import main
from tiphys.workflows.graph import Gather, Graph, Output, Scope

FIRST, SECOND = "20261124-090000-aaaa", "20261125-090000-bbbb"


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Standard output without spaces at the ends of lines."""
        return [line.rstrip() for line in self.out.splitlines()]


Tiphys = Callable[..., Answer]


@pytest.fixture
def tiphys(capsys: pytest.CaptureFixture[str]) -> Tiphys:
    """`tiphys("runs", "--json")`."""

    def call(*words: str) -> Answer:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that is the current folder; its name has a space and a letter beyond ASCII."""
    root = tmp_path / "my prøject"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    monkeypatch.chdir(root)
    for name in ("TIPHYS_STORE", "TIPHYS_DEBUG", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def store(project: Path) -> FolderStore:
    """The store of the project, still empty."""
    return FolderStore(project / ".tiphys", scope="user/ann")


def the_graph() -> Graph:
    """`prep` over three items, then `train`, `report`, and a list of all preps as the result."""
    return a_graph(
        a_call("prep", scopes=("each1",)),
        a_call("train", arguments={"parts": Gather("each1", Output("prep"))}),
        a_call("report", "train"),
        scopes={"each1": Scope("each1", items(1, 2, 3))},
        result=Output("train"),
    )


@pytest.fixture
def past(store: FolderStore, project: Path) -> FolderStore:
    """A store with FIRST, in which all ran, and SECOND, in which `prep` hit and `train` failed."""
    graph = store.put_bytes(_json(the_graph().to_json())).digest
    file = project / "out.csv"
    file.write_text("a,b\n1,2\n")
    folder = project / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "x.txt").write_text("x")
    table, tree = store.put_file(file), store.put_tree(folder)
    trained = {
        "$data": "Trained",
        "fields": {
            "auc": 0.75,
            "name": "modèle",
            "rows": {
                "$artifact": "Rows",
                "kind": "file",
                "digest": table.digest,
                "size": table.size,
                "name": "out.csv",
            },
            "all": {"$artifact": "File", "kind": "tree", "digest": tree.digest, "size": tree.size, "name": "tree"},
            "scores": {"$dict": {"north": [1, 2.5]}},
        },
    }
    base = a_run(FIRST, graph=graph, root=str(project), parameters={"n": 3}, started=1000.0, ended=1010.0)
    store.create_run(base)
    first = [_ran(store, f"prep[{i}]", i * 10) for i in range(3)] + [_ran(store, "train", trained, seconds=7.5)]
    store.record_steps(FIRST, [*first, _ran(store, "report", "fine\n")])
    for i in range(3):
        store.log_path(FIRST, f"prep[{i}]").write_text(f"preparing {i}\ndone {i}\n")
    store.log_path(FIRST, "train").write_text("epoch 1\repoch 2\n\x1b[31mred\x1b[0m\n")
    _second(store, replace(base, id=SECOND, started=2000.0, ended=2004.0, state="failed", exit_code=1), first)
    return store


def _second(store: FolderStore, run: Json, first: list[StepRecord]) -> None:
    store.create_run(run)
    hits = [
        replace(r, state="hit", reason="unchanged", started=None, ended=None, attempts=0, saved_seconds=2.0)
        for r in first[:3]
    ]
    failed = StepRecord("train", "failed", "code changed", None, None, None, 2001.0, 2003.0, 2, "ValueError: bad")
    store.record_steps(run.id, [*hits, failed, StepRecord("report", "skipped", "upstream failed: train")])
    store.log_path(run.id, "train").write_text("about to fail\n")


def _ran(store: FolderStore, address: str, outputs: Json, seconds: float = 2.0) -> StepRecord:
    key = address[0] * 64
    entry = an_entry(key, outputs=outputs, writer=a_writer(run=FIRST, address=address))
    return StepRecord(
        address, "succeeded", "never run before", key, store.publish(entry), outputs, 1000.0, 1000.0 + seconds, 1
    )


def _json(data: Json) -> bytes:
    import json

    return json.dumps(data).encode()
