"""A module of steps that tests build pipelines from, and the refusal of a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tiphys.cluster.errors import InputError

from .conftest import HEADER_LINES

Module = Callable[..., Any]


STEPS = """
class Features(Table): ...
@dataclass(frozen=True)
class Split:
    train: Features
    auc: float
@step
def number() -> int: ...
@step
def flag() -> bool: ...
@step
def text() -> str: ...
@step
def numbers() -> list[int]: ...
@step
def table() -> dict[str, int]: ...
@step
def features() -> Features: ...
@step
def split() -> Split: ...
@step
def maybe() -> float | None: ...
@step
def take(x: int) -> int: ...
@step
def take_features(x: Features) -> int: ...
@step
def take_many(xs: list[Features], since: date = date(2013, 1, 1)) -> int: ...
"""
BODY_LINE = HEADER_LINES + STEPS.count("\n") - 1 + 3  # the first line of the body of `p`


def refused(module: Module, body: str) -> InputError:
    """The refusal of a pipeline with this body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    user = module(f"{STEPS}@pipeline\ndef p() -> None:\n{lines}\n")
    with pytest.raises(InputError) as caught:
        user.p.build({})
    return caught.value
