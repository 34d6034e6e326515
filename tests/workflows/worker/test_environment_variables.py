from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.worker.bench import Bench
from tiphys.cluster.errors import InputError
from tiphys.workflows.worker.environment_variables import (
    ALLOWED,
    FIXED,
    closed_environment,
    resource_variables,
    secret_values,
    worker_environment,
)

NAMES = st.sampled_from([*sorted(ALLOWED)[:4], "LANG", "TZ", "MODE", "TOKEN", "AWS_PROFILE", "PYTHONPATH"])
OUTER = st.dictionaries(NAMES, st.text(max_size=3))


@given(OUTER, st.sets(NAMES))
def test_only_what_is_fixed_allowed_or_declared(outer: dict[str, str], declared: set[str]) -> None:
    env = closed_environment(outer, declared, ())
    assert env.keys() <= FIXED.keys() | ALLOWED | declared
    assert {name: env.get(name) for name in declared & outer.keys()} == {n: outer[n] for n in declared & outer.keys()}
    assert all(env[name] == value for name, value in FIXED.items() if name not in declared)


@given(OUTER)
def test_undeclared_variables_change_nothing(outer: dict[str, str]) -> None:
    closed = {name: value for name, value in outer.items() if name in ALLOWED}
    assert closed_environment(outer, (), ()) == closed_environment(closed, (), ())


def test_missing_secrets_are_all_named() -> None:
    with pytest.raises(InputError, match="not set in the environment: A, C") as caught:
        secret_values({"B": "1"}, ["C", "A", "B"])
    assert "export A=" in caught.value.fix
    assert closed_environment({"B": "1"}, (), ["B"])["B"] == "1"


def test_resources() -> None:
    assert resource_variables(2.5, ())["OMP_NUM_THREADS"] == "3"
    assert resource_variables(0.1, ())["OMP_NUM_THREADS"] == "1"
    assert resource_variables(1, ())["CUDA_VISIBLE_DEVICES"] == ""
    assert resource_variables(1, ("4", "5"))["CUDA_VISIBLE_DEVICES"] == "4,5"


def test_a_worker_sees_the_closed_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTSIDE_NAME", "1")
    monkeypatch.setenv("DECLARED", "yes")
    monkeypatch.setenv("TZ", "America/New_York")
    bench.step(
        """
        import subprocess, sys, time
        shown = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout.splitlines()
        return [os.environ["DECLARED"], os.environ["TOKEN"], time.tzname[0], *sorted(e.split("=")[0] for e in shown)]
        """,
        head="import os",
        signature="work() -> list[str]",
    )
    declared = ("DECLARED",)
    ended = bench.run(
        env_names=declared,
        env=worker_environment({"DECLARED": "yes", "PATH": "/usr/bin:/bin", "OUTSIDE_NAME": "1"}, declared, 1.0),
        secrets={"TOKEN": "s3cret-value"},
        declared=("DECLARED", "TOKEN"),
    )
    value, token, zone, *names = ended.output
    assert (value, token, zone) == ("yes", "s3cret-value", "UTC")
    assert set(names) == {
        "DECLARED", "TOKEN", "PATH", "TMPDIR", "LANG", "LC_ALL", "TZ", "PYTHONHASHSEED", "CUDA_VISIBLE_DEVICES",
        *(n for n in resource_variables(1, ())),
    }  # fmt: skip


def test_string_hashes_are_the_same_in_every_worker(bench: Bench) -> None:
    bench.step("return ''.join({'a', 'b', 'c', 'd', 'e'})", signature="work() -> str")
    assert bench.run().output == bench.run().output
