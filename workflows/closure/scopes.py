"""Which names of a function, class or comprehension are its own.

Python's rules (Language Reference, "Naming and binding"), with two deliberate over-approximations: a name in a class
body always may be global (`y = x; x = 2` reads the global `x`), and class scopes bind nothing for functions inside.
Ignoring scopes would be sound too, but would pull 5-30 % more of a package into each closure.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Bound:
    """Names that some statements bind. `values`: name -> what is assigned to it (None: cannot be told)."""

    names: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    imports: dict[str, list[tuple[int, str, str | None]]] = field(default_factory=dict)
    values: dict[str, list[ast.expr | None]] = field(default_factory=dict)

    def add(self, name: str, value: ast.expr | None = None) -> None:
        self.names.add(name)
        self.values.setdefault(name, []).append(value)


@dataclass(slots=True)
class Scope:
    """A place where names are looked up. `later`: evaluated when a function is called, not at import.

    `runs_later`: calls in it happen later, though its names count as used now (a lambda that is handed to something).
    `owner`: name of the enclosing class, for name mangling. `first`: the parameter that is the object itself.
    """

    kind: str  # "module", "class", "function" (and comprehensions), "types" (the brackets of PEP 695)
    bound: Bound
    parent: Scope | None = None
    later: bool = False
    runs_later: bool = False
    owner: str = ""
    first: str = ""
    parameters: frozenset[str] = frozenset()

    def find(self, name: str) -> Scope | None:
        """The function or comprehension scope that owns a name; None when it is global."""
        scope: Scope | None = self
        first = True
        while scope is not None:
            if scope.kind in ("function", "types"):
                if name in scope.bound.globals:
                    return None
                if name in scope.bound.names and name not in scope.bound.nonlocals:
                    return scope
            elif first and scope.kind == "class" and (name in scope.bound.names or name in scope.bound.globals):
                return None  # a class body looks in itself and then in the module, not in functions around it
            first = False
            scope = scope.parent
        return None

    def class_imports(self, name: str) -> list[tuple[int, str, str | None]]:
        """Imports made directly in the class body that this scope is."""
        return self.bound.imports.get(name, []) if self.kind == "class" else []


def aliases_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, tuple[int, str, str | None]]]:
    """(bound name, (level, module, attribute)) for each alias; `*` is left out."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            if alias.asname:
                yield alias.asname, (0, alias.name, None)
            else:
                yield alias.name.partition(".")[0], (0, alias.name.partition(".")[0], None)
        elif alias.name != "*":
            yield alias.asname or alias.name, (node.level, node.module or "", alias.name)


def bound_in(body: Iterable[ast.AST]) -> Bound:
    """Names bound by statements, not by the functions and classes inside; walrus targets of comprehensions included."""
    bound = Bound()
    stack: list[Any] = list(body)
    while stack:
        node = stack.pop()
        _bind(node, bound)
        stack.extend(_same_scope(node))
    return bound


def _bind(node: ast.AST, bound: Bound) -> None:
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            bound.add(node.id)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            bound.add(node.name)
        case ast.Import() | ast.ImportFrom():
            for name, target in aliases_of(node):
                bound.names.add(name)
                bound.imports.setdefault(name, []).append(target)
        case ast.Global():
            bound.globals.update(node.names)
        case ast.Nonlocal():
            bound.nonlocals.update(node.names)
        case (
            ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name)
        ):
            bound.add(name)
        case ast.MatchMapping(rest=str() as name):
            bound.add(name)
        case (
            ast.Assign(targets=[ast.Name() as target], value=value)
            | ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value)
        ):
            bound.add(target.id, value)


def _same_scope(node: ast.AST) -> list[ast.AST]:
    """The children that bind in the same scope as the node."""
    if isinstance(node, FUNCTIONS):
        return [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
    if isinstance(node, ast.Lambda):
        return [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
    if isinstance(node, COMPREHENSIONS):
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return [*elements, *(part for g in node.generators for part in (g.iter, *g.ifs))]
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return [node.value]  # the target was taken with its value
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return [node.value]
    return list(ast.iter_child_nodes(node))


def argument_names(args: ast.arguments) -> list[str]:
    """All parameters in order; the first is the object itself in a method."""
    names = [a.arg for a in (*args.posonlyargs, *args.args)]
    names += [a.arg for a in (args.vararg, *args.kwonlyargs, args.kwarg) if a is not None]
    return names


def function_scope(args: ast.arguments, body: Sequence[ast.AST], parent: Scope, *, is_lambda: bool = False) -> Scope:
    """The scope of a function or lambda body."""
    bound = bound_in(body)
    names = argument_names(args)
    bound.names.update(names)
    around = parent.parent if parent.kind == "types" and parent.parent is not None else parent
    first = names[0] if names and around.kind == "class" and not is_lambda else ""
    return Scope(
        "function",
        bound,
        parent,
        later=parent.later or not is_lambda,
        runs_later=True,
        owner=parent.owner,
        first=first,
        parameters=frozenset(names),
    )


def types_scope(node: ast.AST, parent: Scope) -> Scope:
    """The scope of the type parameters of a generic function, class or alias (3.12); the parent when it has none."""
    parameters = getattr(node, "type_params", [])
    if not parameters:
        return parent
    bound = Bound({p.name for p in parameters})
    return Scope("types", bound, parent, later=parent.later, runs_later=parent.runs_later, owner=parent.owner)


def comprehension_scope(node: Comprehension, parent: Scope) -> Scope:
    """The scope of a comprehension: its targets are its own."""
    bound = Bound()
    for generator in node.generators:
        for target in ast.walk(generator.target):
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                bound.add(target.id)
    return Scope("function", bound, parent, later=parent.later, runs_later=parent.runs_later, owner=parent.owner)


def mangled(name: str, owner: str) -> str | None:
    """The name that Python really uses for `__name` inside a class, or None."""
    if owner and name.startswith("__") and not name.endswith("__"):
        stripped = owner.lstrip("_")
        return f"_{stripped}{name}" if stripped else None
    return None
