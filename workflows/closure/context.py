"""What names mean in a module as a whole, and in a function: imports written out, fresh objects told from others."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tiphys.workflows.closure.scopes import COMPREHENSIONS, Scope

Target = tuple[int, str, str | None]
"""Where an imported name comes from: (level, module, attribute); attribute None: the module itself."""

_FRESH = (
    ast.List, ast.Dict, ast.Set, ast.Tuple, ast.Constant, ast.JoinedStr, ast.BinOp, ast.Compare, *COMPREHENSIONS
)  # fmt: skip
_FRESH_CALLS = frozenset({"list", "dict", "set", "bytearray", "defaultdict", "Counter", "deque", "OrderedDict"})


class ModuleContext:
    """What names mean in a module as a whole: dotted text of imported roots, and names bound at top level."""

    def __init__(self, imports: dict[str, list[Target]], names: set[str]) -> None:
        self.names = names
        self._imports = imports

    def dotted(self, chain: str) -> tuple[str, ...]:
        """What a chain may mean with its import written out: `("os.environ.get",)`; relative imports are left out."""
        if chain.startswith("@"):
            level, module, name, rest = chain[1:].split("|")
            return () if level != "0" else (".".join(part for part in (module, name, rest) if part),)
        root, _, rest = chain.partition(".")
        targets = self._imports.get(root)
        if targets is None:
            return (chain,)
        tails = [(module, name, rest) for level, module, name in targets if level == 0]
        return tuple(".".join(part for part in tail if part) for tail in tails)

    def is_builtin(self, name: str) -> bool:
        """Whether a global name is not bound in the module."""
        return name not in self.names


def chain_at(target: Target, attributes: Sequence[str]) -> str:
    level, module, name = target
    return f"@{level}|{module}|{name or ''}|{'.'.join(attributes)}"


def is_fresh(owner: Scope, name: str) -> bool:
    """Whether a local can only hold an object made in its own function."""
    values = owner.bound.values.get(name)
    if name in owner.parameters or not values:
        return False
    return all(value is not None and _makes_new(value) for value in values)


def _makes_new(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        callee = value.func
        name = callee.id if isinstance(callee, ast.Name) else callee.attr if isinstance(callee, ast.Attribute) else ""
        return name in _FRESH_CALLS or name[:1].isupper()
    return isinstance(value, _FRESH)
