"""What a module's text says, as values: the summary that the closure needs instead of the syntax tree.

A *chain* is a dotted access whose root is not a local: `"a.b.c"`; `"@1|pkg|f|x.y"` when the root was imported inside a
function (`from .pkg import f`, then `f.x.y`). In a chain `[]` stands for a subscript and `()` for a call. A summary
depends on the bytes of the file alone, not on its path or module name: it is cached by the digest of the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

Kind = Literal["import", "const", "var", "def", "class", "stmt"]

Import = tuple[int, str, tuple[str, ...]]
"""(level, module, names) of an import statement; names are empty for `import module`."""

Weak = tuple[str, int, str]
"""(kind, line, detail) of something that text alone cannot follow; the kinds are handled in `hazards`."""

ANY_USED = "*"
"""A store through a local name: whatever the code around it uses may be what is stored into."""

UNKNOWN = "?"
"""A store on a call result, or a call of one: nothing is known about the object."""


@dataclass(slots=True)
class Part:
    """One separately counted piece of a unit: a decorator, the header or the body of a function, or all of it.

    `now`/`later`: chains evaluated while the module is imported / in function bodies. `calls`, `bare`: callees that are
    evaluated at import, and those of them whose result is thrown away. `stores`: chains assigned to. `acts`: evaluates
    operators, loops or conditions at import. `passes`: (callee, argument) for names handed to a call. `strings`,
    `folded`, `joined`: file names (`literals`). `env`: environment variables by literal name.
    """

    digest: str = ""
    now: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    bare_later: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    stores_later: list[str] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    imports_later: list[Import] = field(default_factory=list)
    acts: bool = False
    weak: list[Weak] = field(default_factory=list)
    passes: list[tuple[str, str]] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    folded: list[Any] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    env: list[str] = field(default_factory=list)


@dataclass(slots=True)
class UnitFacts:
    """A top-level statement. `decorators` are parts of their own, so that Tiphys' own can be left out of a step.

    `head` is the signature of a decorated function, None otherwise. `aliases`: bound name -> (level, module,
    attribute), attribute None when the module itself is bound. `values`: bound name -> folded path expression. `held`:
    chains in the values that variables are given. `state`: the object can change after it was made. `bases` and
    `keywords` (any besides bases) of a class; `hooks_subclasses`: it acts when a subclass is made.
    """

    kind: Kind
    names: list[str]
    first_line: int
    last_line: int
    body: Part
    head: Part | None = None
    decorators: list[tuple[str, Part]] = field(default_factory=list)
    docs: str = ""
    aliases: dict[str, list[tuple[int, str, str | None]]] = field(default_factory=dict)
    star: tuple[int, str] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    state: bool = False
    bases: list[str] = field(default_factory=list)
    keywords: bool = False
    hooks_subclasses: bool = False

    def parts(self) -> list[Part]:
        """All parts, in the order in which they stand in the text."""
        head = [] if self.head is None else [self.head]
        return [*(part for _, part in self.decorators), *head, self.body]


@dataclass(slots=True)
class ModuleFacts:
    """The summary of a file. `exported`: the literal `__all__`, or None. `dynamic`: binds names that text cannot tell.

    `replaced`: it puts another object into `sys.modules`. `docs`: digest of the module's docstring.
    """

    digest: str
    units: list[UnitFacts] = field(default_factory=list)
    docs: str = ""
    exported: list[str] | None = None
    dynamic: bool = False
    replaced: bool = False

    def binders(self) -> dict[str, list[int]]:
        """Bound name -> indices of the units that bind it, in the order of the text."""
        found: dict[str, list[int]] = {}
        for index, unit in enumerate(self.units):
            for name in unit.names:
                found.setdefault(name, []).append(index)
        return found

    def to_json(self) -> dict[str, Any]:
        return _sparse(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModuleFacts:
        return cls(**(data | {"units": [_unit(unit) for unit in data.get("units", [])]}))


def _sparse(value: Any) -> dict[str, Any]:
    """The fields of a summary that say something."""
    data: dict[str, Any] = {}
    for name in (f.name for f in fields(value)):
        item = getattr(value, name)
        if name == "units":
            item = [_sparse(unit) for unit in item]
        elif name == "decorators":
            item = [(chain, _sparse(part)) for chain, part in item]
        elif isinstance(item, Part):
            item = _sparse(item)
        if item or name == "names":
            data[name] = item
    return data


def _part(data: dict[str, Any]) -> Part:
    part = Part(**data)
    part.imports = [(level, module, tuple(names)) for level, module, names in part.imports]
    part.imports_later = [(level, module, tuple(names)) for level, module, names in part.imports_later]
    part.weak = [(kind, line, detail) for kind, line, detail in part.weak]
    part.passes = [(callee, argument) for callee, argument in part.passes]
    return part


def _unit(data: dict[str, Any]) -> UnitFacts:
    unit = UnitFacts(**(data | {"body": _part(data.get("body", {}))}))
    if "head" in data:
        unit.head = _part(data["head"])
    unit.decorators = [(chain, _part(part)) for chain, part in data.get("decorators", [])]
    unit.aliases = {
        name: [(level, module, attribute) for level, module, attribute in targets]
        for name, targets in unit.aliases.items()
    }
    if unit.star is not None:
        unit.star = (unit.star[0], unit.star[1])
    return unit
