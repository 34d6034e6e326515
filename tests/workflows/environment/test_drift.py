"""Lock against interpreter."""

from __future__ import annotations

import pytest

from tests.workflows.environment.test_component import an_environment
from tiphys.workflows.environment.drift import Drift, drift, drift_error

COMMIT, OTHER = "a" * 40, "b" * 40
HASH = "sha256:" + "c" * 64


@pytest.mark.parametrize(
    ("locked", "installed", "same"),
    [
        ("2.4.6", "2.4.6", True),
        ("2.4.6", "2.3.1", False),
        ("2.4.6", None, False),
        ("1.0", "1.0.0", True),
        ("2.8.0", "2.8.0+cpu", False),
        ("2024.01.1", "2024.1.1", True),
        ("weird", "other", False),
        ("editable", None, True),
        ("editable", "1.0", True),
        ("1.0", "editable", False),
        ("2 unpinned", "2 @ record:0123", True),
        ("unpinned", "editable", True),
        ("unpinned", None, True),
        (f"@ {COMMIT}", f"3 @ {COMMIT}", True),
        (f"3 @ {COMMIT}", f"3 @ {OTHER}", False),
        (f"@ {COMMIT}", "3", False),
        ("3", f"3 @ {COMMIT}", False),
        ("3", f"3 @ {HASH}", True),
        ("3", "3 @ record:0123", False),
        ("3 @ url:0123", f"3 @ {HASH}", True),
        ("3 @ url:0123", "4", False),
        ("@ url:0123", "3", True),
        (f"@ {HASH}", f"3 @ {HASH}", True),
        (f"@ {HASH}", "3 @ sha256:" + "d" * 64, False),
    ],
)
def test_same_or_not(locked: str, installed: str | None, same: bool) -> None:
    found = drift(an_environment(versions={"x": locked}), {} if installed is None else {"x": installed}, ["x"])
    assert found == (() if same else (Drift("x", locked, installed),))


def test_only_what_is_wanted_is_compared() -> None:
    environment = an_environment(versions={"numpy": "2", "pandas": "3"})
    assert drift(environment, {"numpy": "2", "pandas": "2"}, ["numpy", "unknown"]) == ()


def test_an_interpreter_does_not_differ_from_itself() -> None:
    assert drift(an_environment(versions={"x": "1"}, locked=False), {}, ["x"], python="3.9") == ()


def test_python_itself() -> None:
    environment = an_environment(versions={})
    assert drift(environment, {}, [], python="3.11") == ()
    found = drift(environment, {}, [], python="3.12")
    error = drift_error(environment, found)
    assert error.message == "requirements.lock says python 3.11, this interpreter has 3.12"
    assert error.fix == "run with Python 3.11, or --allow-drift"


@pytest.mark.parametrize(
    ("source", "fix"),
    [
        ("requirements.lock", "install it: uv pip install numpy==2.4.6 pandas==3.1, or --allow-drift"),
        ("uv.lock", "install what the lock says: uv sync, or --allow-drift"),
    ],
)
def test_the_message_names_both_versions_and_the_way_out(source: str, fix: str) -> None:
    environment = an_environment(source=source, versions={"numpy": "2.4.6", "pandas": "3.1"})
    error = drift_error(environment, drift(environment, {"numpy": "2.3.1"}, ["numpy", "pandas"]))
    expected = f"{source} says numpy 2.4.6, this interpreter has 2.3.1; pandas 3.1, this interpreter has none"
    assert (error.message, error.fix, error.exit_code) == (expected, fix, 2)


def test_many_differences_are_counted() -> None:
    environment = an_environment(versions={f"d{i}": "1" for i in range(9)})
    error = drift_error(environment, drift(environment, {}, environment.versions))
    assert error.message.endswith("d4 1, this interpreter has none; and 4 more")
    assert error.fix == "install it: uv pip install -r requirements.lock, or --allow-drift"
