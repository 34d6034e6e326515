"""The built graph of a pipeline: a frozen value with calls, bindings and conditions, and its JSON form.

A *call* is one use of a step in the pipeline text (address `train`, second use `train#2`). Under `each` a call has one
*instance* an item (`featurize[3]`, nested `clean[3][2]`). A *binding* says where an argument comes from. Nothing here
imports the user's code: the graph of an unchanged pipeline is read back from the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any
FieldPath: TypeAlias = tuple[str | int, ...]
"""Fields (str) and tuple positions (int) that lead into an encoded value."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value known when the graph was built, encoded as in `values`."""

    value: Json


@dataclass(frozen=True, slots=True)
class Output:
    """The result of a call, or a part of it. Inside the same `each` it is the instance of the same item."""

    address: str
    path: FieldPath = ()


@dataclass(frozen=True, slots=True)
class Item:
    """The current item of an enclosing `each`, or a part of it."""

    scope: str
    path: FieldPath = ()


@dataclass(frozen=True, slots=True)
class Gather:
    """The list of `body` over all items of `scope`, in item order: what `each` returns."""

    scope: str
    body: Binding


@dataclass(frozen=True, slots=True)
class Choose:
    """What `branch` returns: `then` when `condition` is true, else `otherwise`."""

    condition: Binding
    then: Binding
    otherwise: Binding


@dataclass(frozen=True, slots=True)
class Build:
    """A container with bindings inside. `form` is `list`, `tuple`, `dict`, `data` or `named`; `name` is the class.

    `data` is a dataclass, `named` a NamedTuple.

    `parts`: (key, binding); keys are field names, dictionary keys, or positions as text.
    """

    form: str
    name: str
    parts: tuple[tuple[str, Binding], ...]


Binding: TypeAlias = Literal | Output | Item | Gather | Choose | Build


@dataclass(frozen=True, slots=True)
class Condition:
    """An enclosing `when` (`expected` True), `unless` or side of a `branch`."""

    value: Binding
    expected: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """One `each`: its items, how many instances may run at once, and the `each` around it.

    `items` binds a list: a `Literal` list when it is known (static), otherwise produced by a step.
    """

    name: str  # "each1", "each2", … in order of appearance
    items: Binding
    parallel: int | None = None
    fail_fast: bool = False
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a step declares about how it runs. None of it but `env`, `secrets`, `reads`, `environment` enters the key.

    Amounts: `cpu` in cores, `memory_bytes` and `ephemeral_storage_bytes` in bytes, durations in seconds.
    `profiles`: resources by profile name (`{"cluster": {"gpu": 1, "link": "nvlink"}}`), over the plain ones.
    """

    cpu: float = 1.0
    memory_bytes: int | None = None
    ephemeral_storage_bytes: int | None = None
    gpu: int = 0
    gpu_type: str | None = None
    profiles: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    retries: int = 0
    retry_delay_seconds: float = 1.0  # doubles at each attempt
    timeout_seconds: float | None = None
    env: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    cache: bool = True
    cache_for_seconds: float | None = None
    reads: tuple[str, ...] = ()
    effect: bool = False
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A step as the planner sees it: where it is defined, how it is typed, how it runs.

    `parameters` and `result` are annotations as text, for messages; the worker checks against the real ones.
    `optional`: names of parameters whose type takes None. `container`: image, command and outputs of a container step.
    """

    module: str
    name: str
    file: str  # relative to the project root, POSIX
    line: int
    settings: Settings
    parameters: Mapping[str, str]
    optional: frozenset[str]
    result: str
    container: Json = None

    @property
    def ref(self) -> str:
        return f"{self.module}:{self.name}"


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a step. `scopes`: enclosing `each`, outermost first. `after`: addresses waited for without data."""

    address: str
    step: str  # StepInfo.ref
    arguments: Mapping[str, Binding]
    scopes: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """A pipeline as built: calls in the order they were made, which is a topological order.

    `parameters`: the encoded values that it was built with. `result` binds what the pipeline returns.
    """

    pipeline: str  # "flights:flights", module and name
    file: str  # relative to the project root, POSIX
    parameters: Mapping[str, Json]
    steps: Mapping[str, StepInfo]
    scopes: Mapping[str, Scope]
    calls: tuple[Call, ...]
    result: Binding | None = None
    parallel: int | None = None

    def to_json(self) -> Json:
        from tiphys.workflows.graph_json import graph_to_json

        return graph_to_json(self)

    @classmethod
    def from_json(cls, data: Json) -> Graph:
        from tiphys.workflows.graph_json import graph_from_json

        return graph_from_json(data)
