"""The state of one build: calls as they are made, the `each` and `when` that are open, and what came from where."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cluster.caller import user_line
from tiphys.cluster.errors import InputError
from tiphys.workflows.authoring.placeholder import Origin, make, own_origin
from tiphys.workflows.bindings import describe, gates_of
from tiphys.workflows.graph import Binding, Build, Call, Condition, Literal, Output, Scope, StepInfo
from tiphys.workflows.shape_checks import mismatch
from tiphys.workflows.shapes import Shape, takes_none
from tiphys.workflows.values import compose
from tiphys.workflows.values_encode import Encoder

if TYPE_CHECKING:
    from tiphys.cluster.store.records import Json
    from tiphys.workflows.authoring.step import Step

    AnyStep = Step[..., Any]

_current: ContextVar[Building | None] = ContextVar("tiphys_building", default=None)
_going_on: set[int] = set()  # threads that build


def building() -> Building | None:
    """The build that is going on in this thread, if any. `InputError` in a thread that a build has started."""
    found = _current.get()
    if found is None and _going_on and threading.get_ident() not in _going_on:
        raise InputError(
            f"{user_line()}: a step is called in another thread while a pipeline is built",
            fix="call steps one after another; they run at the same time when the pipeline runs",
        )
    return found


def required(what: str) -> Building:
    """The build that is going on. `InputError` when `what` is used outside a pipeline."""
    found = _current.get()
    if found is None:
        raise InputError(
            f"{user_line()}: {what} is used outside a pipeline",
            fix=f"use {what} in a function decorated with @pipeline; in plain code use plain Python",
        )
    return found


class Building:
    """Collects one graph. `root`: the project's; files in the graph are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[Call] = []
        self.steps: dict[str, StepInfo] = {}
        self.scopes: dict[str, Scope] = {}
        self.open_scopes: tuple[str, ...] = ()
        self.open_conditions: tuple[Condition, ...] = ()
        self.refusal: InputError | None = None
        self.inside_of: tuple[str, ...] = ()  # names of the pipelines that call each other now
        self.returned = ""  # `FILE:LINE` of the pipeline once its function has returned: no line of it is at work
        self._encoder = Encoder(root, None)
        self._objects: dict[str, AnyStep] = {}
        self._counts: dict[str, int] = {}
        self._known: dict[int, tuple[Any, tuple[Any, ...], Origin]] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Calls of steps in this block are recorded here."""
        if _current.get() is not None:
            raise InputError(
                f"{user_line()}: a pipeline is run while another one is built",
                fix="call it instead: `flights(epochs=3)` builds its steps into this pipeline",
            )
        token = _current.set(self)
        _going_on.add(threading.get_ident())
        try:
            yield
            if self.refusal is not None:
                raise self.refusal
        finally:
            _current.reset(token)
            _going_on.discard(threading.get_ident())

    @property
    def line(self) -> str:
        """The user's line that is at work."""
        return self.returned or user_line()

    # Blocks --------------------------------------------------------------------------------------------------------
    @contextmanager
    def under(self, *conditions: Condition) -> Iterator[None]:
        """Calls in this block depend on these conditions too."""
        before = self.open_conditions
        self.open_conditions = (*before, *conditions)
        try:
            yield
        finally:
            self.open_conditions = before

    @contextmanager
    def inside(self, scope: Scope) -> Iterator[None]:
        """Calls in this block are made for each item of `scope`."""
        before = self.open_scopes
        self.scopes[scope.name] = scope
        self.open_scopes = (*before, scope.name)
        try:
            yield
        finally:
            self.open_scopes = before

    # Calls ---------------------------------------------------------------------------------------------------------
    def record(self, step: AnyStep, arguments: Mapping[str, object], after: tuple[str, ...]) -> Any:
        """Record a call and give back what stands for its result."""
        if self._objects.get(step.ref) is not step:
            self._register(step)
        signature = step.signature
        bindings: dict[str, Binding] = {}
        for name, value in arguments.items():
            shape = signature.shapes[name]
            bindings[name] = self.bind_argument(f"{step.name}: {name}", value, shape)
        for name, default in step.defaults(self.root).items():
            bindings.setdefault(name, default)
        address = self._address(step.name)
        call = Call(address, step.ref, bindings, self.open_scopes, self.open_conditions, after)
        self.calls.append(call)
        return self.make(Output(address), signature.result)

    def make(self, binding: Binding, shape: Shape) -> Any:
        """What stands for a binding of this shape here."""
        return make(Origin(self, binding, shape, self.open_scopes, self.open_conditions))

    def _address(self, name: str) -> str:
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    def _register(self, step: AnyStep) -> None:
        if step.ref in self._objects:
            raise InputError(
                f"{user_line()}: {step.module} has two steps called {step.name!r}", fix="rename one of them"
            )
        if step.module == "__main__":
            raise main_refusal(f"the step {step.name!r}", step.file)
        if getattr(sys.modules.get(step.module), step.name, None) is not step and step.container is None:
            raise InputError(
                f"{user_line()}: {step.module}.{step.name} is not this step: a worker could not find it by that name",
                fix=f"write @step above `def {step.name}` in {step.module}, and give it no other name",
            )
        self._objects[step.ref] = step
        self.steps[step.ref] = step.info_below(self.root)

    def latest(self, step: AnyStep) -> str | None:
        """The address of the last call of a step so far."""
        return next((call.address for call in reversed(self.calls) if call.step == step.ref), None)

    # Values and placeholders -----------------------------------------------------------------------------------------
    def remember(self, value: Any, origin: Origin) -> Any:
        """Note that a dataclass, NamedTuple or tuple stands for a result. Kept alive: its `id` is the key."""
        self._known[id(value)] = (value, _children(value), origin)
        return value

    def origin(self, value: object) -> Origin | None:
        """Where a value comes from; None for values known now. Objects whose fields were changed are known now."""
        found = own_origin(value)
        if found is not None:
            return found
        entry = self._known.get(id(value))
        if entry is None or not all(a is b for a, b in zip(_children(value), entry[1], strict=True)):
            return None
        return entry[2]

    def declared(self, value: object) -> Shape | None:
        """The shape of a value that stands for a result; None for values known now."""
        origin = self.origin(value)
        return None if origin is None else origin.shape

    def bind_argument(self, where: str, value: object, shape: Shape) -> Binding:
        """The binding of a value that is passed where `shape` is declared. `InputError` with the user's line."""
        wrong = mismatch(value, shape, where, self.declared)
        if wrong is not None:
            raise InputError(f"{self.line}: {wrong}", fix="pass what is declared, or change the annotation")
        return self.bind(value, where, optional=takes_none(shape))

    def bind(self, value: Any, where: str, *, optional: bool = False) -> Binding:
        """The binding of a value: placeholders in it as they are, everything else encoded."""
        if value is None or type(value) in (bool, int, str):
            return Literal(value)
        origin = self.origin(value)
        if origin is not None:
            self.check_reach(origin, where, optional=optional)
            return origin.binding
        layer = _layer(value)
        if layer is None:
            return Literal(self._encode(value, where))
        form, name, parts = layer
        bound = tuple((key, self.bind(part, f"{where}{_suffix(form, key)}")) for key, part in parts)
        if all(isinstance(part, Literal) for _, part in bound):
            return Literal(compose(form, name, {key: part.value for key, part in bound if isinstance(part, Literal)}))
        return Build(form, name, bound)

    def _encode(self, value: object, where: str) -> Json:
        try:
            return self._encoder.encode(value, where)
        except InputError as error:
            raise InputError(f"{self.line}: {error.message}", fix=error.fix) from None

    def check_reach(self, origin: Origin, where: str, *, optional: bool) -> None:
        """`InputError` unless a result may be used here: of this build, of this item, and not skipped by a `when`."""
        if origin.building is not self:
            raise InputError(
                f"{self.line}: {where} is {origin} of another build of a pipeline",
                fix="call the step in this pipeline; results do not outlive the build that made them",
            )
        if self.open_scopes[: len(origin.scopes)] != origin.scopes:
            raise InputError(
                f"{self.line}: {where} is {origin}, which differs by item and is used outside the body of its each()",
                fix="return it from the body: each() then gives the list of all of them",
            )
        open_conditions = self.open_conditions
        if optional or origin.conditions is open_conditions:
            return
        for condition in origin.conditions:
            if condition not in open_conditions:
                raise _skippable(origin, condition, f"{self.line}: {where}")

    def gates(self, values: Iterable[object]) -> tuple[str, ...]:
        """The addresses of the calls that made these results, for `after`: order alone, skipped ones count as done."""
        found: dict[str, None] = {}
        for value in values:
            binding = self.bind(value, "after()", optional=True)
            addresses = list(gates_of(binding))
            if not addresses:
                raise InputError(
                    f"{user_line()}: after({value!r}): no step made this", fix="pass results of steps, or a step"
                )
            found.update(dict.fromkeys(addresses))
        return tuple(found)


def _children(value: Any) -> tuple[Any, ...]:
    """The direct parts of a dataclass, NamedTuple or tuple."""
    return value if isinstance(value, tuple) else tuple(getattr(value, f.name, None) for f in fields(value))


def _layer(value: Any) -> tuple[str, str, list[tuple[str, Any]]] | None:
    """A container as (form, class name, parts by key); None for what is encoded as one."""
    kind = type(value)
    if kind is list or kind is tuple:
        return kind.__name__, "", [(str(i), part) for i, part in enumerate(value)]
    if kind is dict and all(type(key) is str for key in value):
        return "dict", "", list(value.items())
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return "named", kind.__qualname__, list(zip(kind._fields, value, strict=True))
    if is_dataclass(value) and not isinstance(value, type):
        return "data", kind.__qualname__, [(f.name, getattr(value, f.name)) for f in fields(value)]
    return None


def _suffix(form: str, key: str) -> str:
    if form in ("data", "named"):
        return f".{key}"
    return f"[{key!r}]" if form == "dict" else f"[{key}]"


def _skippable(origin: Origin, condition: Condition, where: str) -> InputError:
    word = "when" if condition.expected else "unless"
    said = f"{word}({describe(condition.value)})"
    return InputError(
        f"{where} is {origin}, which is skipped if `{said}` is not met, and is used outside of it",
        fix=f"use it inside `with {said}:`, declare the parameter as `T | None`, or use `.after(…)` for order alone",
    )


def main_refusal(what: str, file: str) -> InputError:
    """A definition in a script or notebook cannot be imported by the processes that run steps."""
    if file.startswith("<") or "ipykernel" in file:
        return InputError(
            f"{what} is defined in a notebook: the processes that run steps cannot import it",
            fix="move it to a file and import it from there; in a shell: tiphys run FILE",
        )
    return InputError(
        f"{what} is defined in __main__ ({file}): the processes that run steps cannot import it by that name",
        fix=f"move it to a file and import it from there, or run this one with: tiphys run {file}",
    )
