"""One edit of a tiny project, and whether the digest of its entry changes: one case a rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.workflows.closure.cases import Case, load

STEP_CASES = [case for name in ("names", "classes", "imports", "effects") for case in load(name)]


@pytest.mark.parametrize("case", STEP_CASES, ids=lambda case: case.name)
def test_one_edit_of_a_step(case: Case, digests_of_edit: Callable[..., tuple[str, str]]) -> None:
    before, after = digests_of_edit(case.files, case.edit)
    assert (before != after) == case.changes


@pytest.mark.parametrize("case", load("graph"), ids=lambda case: case.name)
def test_one_edit_of_a_pipeline(case: Case, digests_of_edit: Callable[..., tuple[str, str]]) -> None:
    before, after = digests_of_edit(case.files, case.edit, kind="pipeline")
    assert (before != after) == case.changes
