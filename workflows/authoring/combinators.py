"""What pipelines are made of beside calls: `each`, `branch`, `when`, `unless`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from tiphys.cluster.caller import user_line
from tiphys.cluster.errors import InputError
from tiphys.workflows.authoring.context import Building, required
from tiphys.workflows.graph import Binding, Choose, Condition, Gather, Item, Literal, Scope
from tiphys.workflows.shape_checks import join, shape_of_value
from tiphys.workflows.shapes import Many, Plain, Shape, text_of

T = TypeVar("T")
R = TypeVar("R")

_BOOL = Plain(bool)
_DEEPEST = 50


def each(
    items: Iterable[T], body: Callable[[T], R], *, parallel: int | None = None, fail_fast: bool = False
) -> list[R]:
    """The list of `body(item)` for every item, in order. `parallel`: how many items at once.

    `body` runs once, now, with a placeholder of the item's type, whether the items are known or a step makes the list;
    to differ by item, write a plain `for`. `fail_fast` stops the other items after a failure. A known list without
    items gives an empty list.
    """
    building = required("each()")
    _check_parallel(parallel)
    listed, shape = _items(building, items)
    if isinstance(listed, Literal) and not listed.value:
        return []
    parent = building.open_scopes[-1] if building.open_scopes else None
    scope = Scope(f"each{len(building.scopes) + 1}", listed, parallel, fail_fast, parent)
    with building.inside(scope):
        result = body(building.make(Item(scope.name), shape))
        gathered = building.bind(result, f"the result of the body of {scope.name}")
        part = shape_of_value(result, building.declared)
    made: list[R] = building.make(Gather(scope.name, gathered), Many(part))
    return made


def _check_parallel(parallel: int | None) -> None:
    if parallel is not None and (isinstance(parallel, bool) or not isinstance(parallel, int) or parallel < 1):
        raise InputError(
            f"{user_line()}: parallel={parallel!r} is not a whole number from 1 up", fix="leave it out for no limit"
        )


def _items(building: Building, items: Any) -> tuple[Binding, Shape]:
    """The binding of a list and the shape of its items."""
    where = "the items of each()"
    declared = building.declared(items)
    if declared is not None and not issubclass(type(items), tuple):
        if not isinstance(declared, Many):
            raise InputError(
                f"{user_line()}: each() over {items!r}, which is a {text_of(declared)}",
                fix="pass a list: a known one, or the result of a step that returns list[T]",
            )
        return building.bind(items, where), declared.part
    if isinstance(items, str | bytes | dict | set | frozenset) or not isinstance(items, Iterable):
        raise InputError(
            f"{user_line()}: each() over a {type(items).__qualname__}",
            fix="its order would differ between processes: pass sorted(items)"
            if isinstance(items, set | frozenset)
            else "pass a list",
        )
    known = list(items)
    return building.bind(known, where), join(shape_of_value(item, building.declared) for item in known)


def branch(cond: bool, then: Callable[[], R], otherwise: Callable[[], R]) -> R:
    """The result of `then()` if `cond` is true when the pipeline runs, else that of `otherwise()`.

    Both run once now, so that both sides are in the graph; the steps of the other side are skipped.
    """
    building = required("branch()")
    value = _condition(building, cond, "branch()")
    sides = []
    for expected, body in ((True, then), (False, otherwise)):
        with building.under(Condition(value, expected)):
            result = body()
            sides.append((building.bind(result, "the result of branch()"), shape_of_value(result, building.declared)))
    (then_binding, then_shape), (otherwise_binding, otherwise_shape) = sides
    chosen = Choose(value, then_binding, otherwise_binding)
    if _depth(chosen) > _DEEPEST:
        raise InputError(
            f"{user_line()}: branch() in the result of branch(), {_DEEPEST} times over",
            fix="pass the result through a step in between, or decide inside one step",
        )
    made: R = building.make(chosen, join((then_shape, otherwise_shape)))
    return made


def _depth(binding: Binding) -> int:
    depth, layer = 0, [binding]
    while layer and depth <= _DEEPEST:
        depth += 1
        layer = [side for b in layer if isinstance(b, Choose) for side in (b.then, b.otherwise)]
    return depth


def _condition(building: Building, cond: object, where: str) -> Binding:
    """The binding of a bool: a result, a field of one, or a value known now."""
    declared = building.declared(cond)
    if (type(cond) is not bool) if declared is None else (declared != _BOOL):
        said = repr(cond) if declared is not None else f"{type(cond).__qualname__} {cond!r}"
        raise InputError(
            f"{user_line()}: the condition of {where} is {said}",
            fix="pass a bool: the result of a step, a field of one, or a plain True or False",
        )
    return building.bind(cond, f"the condition of {where}")


class Guard:
    """The block of a `when` or `unless`."""

    def __init__(self, building: Building, condition: Condition) -> None:
        self._building = building
        self._condition = condition
        self._before: list[tuple[Condition, ...]] = []

    def __enter__(self) -> None:
        building = self._building
        self._before.append(building.open_conditions)
        building.open_conditions = (*building.open_conditions, self._condition)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._building.open_conditions = self._before.pop()


def when(cond: bool) -> Guard:
    """`with when(evaluation.passed):` the steps called in the block run if `cond` is true, and are skipped if not."""
    building = required("when()")
    return Guard(building, Condition(_condition(building, cond, "when()"), True))


def unless(cond: bool) -> Guard:
    """`with unless(evaluation.passed):` the steps called in the block run if `cond` is false."""
    building = required("unless()")
    return Guard(building, Condition(_condition(building, cond, "unless()"), False))
