"""The environments of a project, as keys and runs ask for them."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from tiphys.cluster.errors import InputError
from tiphys.workflows.environment import Environments
from tiphys.workflows.settings import load_config

SETTINGS = """
[tool.tiphys.imports]
sauce = "packaging"
[tool.tiphys.environments.gpu]
lock = "gpu.lock"
"""


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    here = version("packaging")
    (tmp_path / "requirements.lock").write_text(f"packaging=={here}\n    # via -r x.in\nidna==3.1\n    # via -r x.in\n")
    (tmp_path / "gpu.lock").write_text("packaging==0.1\n    # via -r x.in\n")
    return Environments(tmp_path, load_config(tmp_path, {}, {"USER": "ann"}), tmp_path / "cache")


def test_components_by_environment(environments: Environments) -> None:
    here = version("packaging")
    assert environments.component(None, frozenset({"sauce"})).versions == {"packaging": here}
    assert environments.component("default", frozenset({"packaging"})).versions == {"packaging": here}
    assert environments.component("gpu", frozenset({"packaging"})).versions == {"packaging": "0.1"}
    assert environments.component(None, frozenset({"sauce"})) is environments.component(None, frozenset({"sauce"}))


def test_an_unknown_environment(environments: Environments) -> None:
    with pytest.raises(InputError, match="environment 'gpus' is not in") as caught:
        environments.component("gpus", frozenset())
    assert caught.value.fix == "did you mean 'gpu'?"


def test_drift_is_refused_or_recorded(environments: Environments) -> None:
    assert environments.refuse_drift(None, ["packaging"]) == ""
    here = version("packaging")
    with pytest.raises(InputError, match=f"packaging 0.1, this interpreter has {here}") as caught:
        environments.refuse_drift("gpu", ["packaging"])
    assert caught.value.fix == "install it: uv pip install packaging==0.1, or --allow-drift"
    assert environments.refuse_drift("gpu", ["packaging"], allow=True) == caught.value.message


def test_without_a_lock_there_is_no_drift(tmp_path: Path) -> None:
    environments = Environments(tmp_path, load_config(tmp_path, {}, {"USER": "ann"}), None)
    assert environments.component(None, frozenset({"packaging"})).versions["packaging"] == version("packaging")
    assert environments.drift(None, ["packaging"]) == ()
