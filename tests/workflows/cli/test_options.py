"""Shared arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiphys.cluster.errors import CheckError
from tiphys.workflows.cli.main import find_command
from tiphys.workflows.cli.options import options_of, split_target, target_of
from tiphys.workflows.cli.planning import require, runs, uses_gpu
from tiphys.workflows.plan_model import Hours, PlannedStep, Verdict


def test_a_target_is_a_file_and_perhaps_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd:name.py").touch()
    assert split_target("pipes/a.py") == (Path("pipes/a.py"), None)
    assert split_target("pipes/a.py:p") == (Path("pipes/a.py"), "p")
    assert split_target("odd:name.py") == (Path("odd:name.py"), None)


def test_arguments_become_a_target_and_options() -> None:
    line = (
        "run a.py:p -p n=1 --param text=a=b --force x --force y[1] --no-cache --only z --until q --parallel 3 "
        "--profile big --strict-resources --allow-drift --store there"
    )
    command, rest = find_command(line.split())
    assert command is not None
    arguments = command.parser().parse(rest)
    target, options = target_of(arguments), options_of(arguments)
    assert (target.file, target.pipeline) == (Path("a.py"), "p")
    assert target.parameters == {"n": "1", "text": "a=b"}
    assert (options.force, options.cache, options.only, options.until) == (("x", "y[1]"), False, ("z",), ("q",))
    assert options.allow_drift
    assert options.flags == {"store": "there", "profile": "big", "parallel": 3, "strict_resources": True}


def test_what_is_not_given_is_no_flag() -> None:
    command, rest = find_command(["run", "a.py"])
    assert command is not None
    options = options_of(command.parser().parse(rest))
    assert options.flags == {}
    assert options.cache


def planned(verdict: Verdict, hours: Hours | None = None) -> PlannedStep:
    return PlannedStep("a", "a", verdict, "", 1, hours)


@pytest.mark.parametrize(
    ("step", "would_run", "would_use_gpu"),
    [
        (planned("HIT"), False, False),
        (planned("SKIP"), False, False),
        (planned("RUN", Hours(1.0, 0.0)), True, False),
        (planned("MAYBE", Hours(None, None)), True, True),
        (planned("CHECK", Hours(1.0, 0.5)), False, True),
        (planned("RUN", Hours(1.0, None)), True, True),
    ],
)
def test_what_counts_for_fail_on(step: PlannedStep, would_run: bool, would_use_gpu: bool) -> None:
    assert (runs(step), uses_gpu(step)) == (would_run, would_use_gpu)


def test_fail_on_names_the_first_steps() -> None:
    require("run", [planned("HIT")])
    steps = [PlannedStep(f"w[{i}]", "w", "RUN", "", 1, Hours(1.0, 1.0)) for i in range(8)]
    with pytest.raises(CheckError, match=r"--fail-on gpu: 8 steps would or might use a GPU: w\[0\], .*w\[4\], …\n"):
        require("gpu", steps)
