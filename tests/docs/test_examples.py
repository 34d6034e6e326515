"""The examples of `docs/examples`, run by the command line in a folder of their own, twice."""

import shutil
from pathlib import Path

import pytest

from tests.docs.documents import EXAMPLES, tiphys

RUNS = [
    ("first.py", (), "Ahoy, Tiphys!"),
    ("first.py", ("-p", "name=Argo"), "Ahoy, Argo!"),
    ("each.py", (), "3 pages, 43 letters"),
    ("each.py", ("-p", "coast=north"), "2 pages, 30 letters"),
    ("branch_when.py", (), "made 8.0 knots"),
    ("branch_when.py", ("-p", "wind_knots=2"), "made 3.0 knots"),
    ("branch_when.py", ("-p", "wind_knots=50"), "made 20.0 knots"),
]


def test_every_example_is_run() -> None:
    assert {name for name, _, _ in RUNS} == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.parametrize(("name", "parameters", "said"), RUNS)
def test_an_example_says_what_it_should(name: str, parameters: tuple[str, ...], said: str, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / name, tmp_path)
    done = tiphys("run", name, *parameters, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout
    again = tiphys("run", name, *parameters, folder=tmp_path)
    assert again.returncode == 0
    assert said in again.stdout
    assert "started" in done.stdout + done.stderr
    assert "started" not in again.stdout + again.stderr  # all of it is cached


def test_the_first_pipeline_is_as_short_as_promised() -> None:
    lines = [line for line in (EXAMPLES / "first.py").read_text().splitlines() if line.strip()]
    assert len(lines) == 7  # the import and six lines
