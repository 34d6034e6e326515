"""Placeholders: what stands for the result of a step while the pipeline is built.

A dataclass or NamedTuple result is a real instance (made without `__init__`) whose fields are placeholders, a
`tuple[A, B]` a real tuple of them, an artifact a real instance without a path. Everything else is a `Placeholder`,
which refuses whatever would need the value, because the value does not exist yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from tiphys.cluster.artifact import Artifact, origin_of, unset
from tiphys.cluster.caller import user_line
from tiphys.cluster.errors import InputError
from tiphys.workflows.bindings import describe
from tiphys.workflows.graph import Binding, Build, Choose, Condition, Item, Literal, Output
from tiphys.workflows.shapes import Made, Product, Record, Shape, text_of
from tiphys.workflows.values import follow

if TYPE_CHECKING:
    from tiphys.workflows.authoring.context import Building


class Origin:
    """Where a placeholder comes from: its binding, declared shape, and the `each` and `when` that it stands in."""

    __slots__ = ("binding", "building", "conditions", "scopes", "shape")

    def __init__(
        self,
        building: Building,
        binding: Binding,
        shape: Shape,
        scopes: tuple[str, ...],
        conditions: tuple[Condition, ...],
    ) -> None:
        self.building = building
        self.binding = binding
        self.shape = shape
        self.scopes = scopes
        self.conditions = conditions

    def __str__(self) -> str:
        return describe(self.binding)

    def refused(self, error: InputError) -> None:
        """Note a refusal, so that a pipeline that catches it does not go on as if nothing was wrong."""
        self.building.refusal = self.building.refusal or error

    def part(self, name: str | int, shape: Shape) -> Origin:
        """The origin of a field or part."""
        return Origin(self.building, part_of(self.binding, name), shape, self.scopes, self.conditions)


def part_of(binding: Binding, name: str | int) -> Binding:
    """The binding of a field (text) or of a position of a tuple (number)."""
    match binding:
        case Output(address, path):
            return Output(address, (*path, name))
        case Item(scope, path):
            return Item(scope, (*path, name))
        case Choose(condition, then, otherwise):
            return Choose(condition, part_of(then, name), part_of(otherwise, name))
        case Build(_, _, parts):
            return dict(parts)[str(name)]
        case Literal(value):
            return Literal(follow(value, (name,)))
        case _:
            raise TypeError(f"a list has no part {name!r}")


class Placeholder:
    """A value that a step will make. `repr` works, every use of the value is refused with the way to do it."""

    __slots__ = ("_tiphys_origin",)

    _tiphys_origin: Origin

    def __init__(self, origin: Origin) -> None:
        object.__setattr__(self, "_tiphys_origin", origin)

    def __repr__(self) -> str:
        origin = self._tiphys_origin
        return f"<{origin}: {text_of(origin.shape)}, not known while the pipeline is built>"

    # `isinstance` asks for it once the real type does not match: the answer False would be wrong.
    @property  # type: ignore[misc]
    def __class__(self) -> NoReturn:  # type: ignore[override]
        _refuse(self, "isinstance()")

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(self, f"attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        _refuse(self, f"setting attribute {name!r}")


_IN_A_STEP = "write a step that takes it as a parameter and does this there"
_CONDITION = (
    "write `with when({0}):` or `branch({0}, lambda: …, lambda: …)`; to test something else about it, "
    "return a bool from a step"
)
_ITEMS = "write `each({0}, lambda item: …)`, or do it inside a step that takes the whole"

_CONDITIONS = {
    "__bool__": "the truth",
    "__eq__": "==",
    "__ne__": "!=",
    "__lt__": "<",
    "__le__": "<=",
    "__gt__": ">",
    "__ge__": ">=",
    "__contains__": "`in`",
}
_ITERATIONS = {
    "__iter__": "iteration",
    "__len__": "len()",
    "__getitem__": "indexing",
    "__reversed__": "reversed()",
    "__next__": "next()",
}
_OTHERS = {
    "__hash__": "hash()",
    "__call__": "a call",
    "__format__": "formatting",
    "__str__": "str()",
    "__bytes__": "bytes()",
    "__fspath__": "the path",
    "__setitem__": "setting an item",
    "__delitem__": "deleting an item",
    "__delattr__": "deleting an attribute",
    "__int__": "int()",
    "__float__": "float()",
    "__complex__": "complex()",
    "__index__": "use as an index",
    "__round__": "round()",
    "__trunc__": "trunc()",
    "__floor__": "floor()",
    "__ceil__": "ceil()",
    "__neg__": "arithmetic",
    "__pos__": "arithmetic",
    "__abs__": "abs()",
    "__invert__": "~",
    "__enter__": "`with`",
    "__exit__": "`with`",
    "__await__": "`await`",
    "__reduce_ex__": "copying or pickling",
    "__dir__": "dir()",
}
_ARITHMETIC = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift", "rshift")
_LOGIC = ("and", "or", "xor")


def _refuse(placeholder: Placeholder, use: str, fix: str = _IN_A_STEP) -> NoReturn:
    origin = placeholder._tiphys_origin
    error = InputError(
        f"{user_line()}: {use} of {origin} is needed here, and {origin} is the result of a step: "
        "it has no value while the pipeline is built",
        fix=fix.format(origin),
    )
    origin.refused(error)
    raise error


def _refusing(use: str, fix: str) -> Callable[..., NoReturn]:
    def refuse(self: Placeholder, *_: object, **__: object) -> NoReturn:
        _refuse(self, use, fix)

    return refuse


def _refuse_everything() -> None:
    for name, use in _CONDITIONS.items():
        setattr(Placeholder, name, _refusing(use, _CONDITION))
    for name, use in _ITERATIONS.items():
        setattr(Placeholder, name, _refusing(use, _ITEMS))
    for name, use in _OTHERS.items():
        setattr(Placeholder, name, _refusing(use, _IN_A_STEP))
    for operator in (*_ARITHMETIC, *_LOGIC):
        for prefix in ("", "r", "i"):
            if (prefix, operator) != ("i", "divmod"):
                setattr(Placeholder, f"__{prefix}{operator}__", _refusing("arithmetic", _IN_A_STEP))


_refuse_everything()


def make(origin: Origin) -> Any:
    """What a step call gives back while the pipeline is built: the declared type, as far as a type can be had."""
    match origin.shape:
        case Made(cls):
            return unset(cls, origin)
        case Record(cls, form):
            parts = {name: make(origin.part(name, shape)) for name, shape in origin.shape.fields.items()}
            return origin.building.remember(_record(cls, form, parts), origin)
        case Product(shapes):
            return origin.building.remember(
                tuple(make(origin.part(i, shape)) for i, shape in enumerate(shapes)), origin
            )
        case _:
            return Placeholder(origin)


def _record(cls: type, form: str, parts: dict[str, Any]) -> Any:
    if form == "named":
        return tuple.__new__(cls, parts.values())
    record: Any = object.__new__(cls)
    for name, part in parts.items():
        object.__setattr__(record, name, part)
    return record


def own_origin(value: object) -> Origin | None:
    """The origin that a placeholder or an artifact without a path carries; None for any other value."""
    if type(value) is Placeholder:
        return value._tiphys_origin
    if isinstance(value, Artifact):
        origin = origin_of(value)
        return origin if isinstance(origin, Origin) else None
    return None
