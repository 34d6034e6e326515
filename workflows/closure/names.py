"""Walks statements and notes every name that is not a local, and what is done with it.

A stack instead of recursion, since long sums nest deeply; the order of the notes does not matter. What the walk notes,
and the notation of chains, are described in `facts`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from tiphys.workflows.closure import calls, literals
from tiphys.workflows.closure.context import chain_at
from tiphys.workflows.closure.facts import UNKNOWN
from tiphys.workflows.closure.notes import Notes
from tiphys.workflows.closure.scopes import (
    COMPREHENSIONS,
    FUNCTIONS,
    Function,
    Scope,
    aliases_of,
    bound_in,
    comprehension_scope,
    function_scope,
    types_scope,
)

Item = tuple[ast.AST, Scope, bool]
"""A node, the scope it is evaluated in, and whether it is part of an annotation."""

_ACTING = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Subscript, ast.FormattedValue, ast.Await, ast.Yield,
    ast.YieldFrom, ast.For, ast.AsyncFor, ast.While, ast.If, ast.IfExp, ast.With, ast.AsyncWith, ast.Match, ast.Assert,
    ast.Raise, ast.AugAssign, ast.Delete, ast.Starred, *COMPREHENSIONS,
)  # fmt: skip
_TELLING = {"__subclasses__": "subclasses", "__doc__": "doc", "f_globals": "frames", "__globals__": "frames"}


class Names(Notes):
    """The walk of one part."""

    def walk(self, nodes: Iterable[ast.AST], scope: Scope, *, annotation: bool = False) -> None:
        """Note all names below some nodes."""
        stack: list[Item] = [(node, scope, annotation) for node in nodes]
        while stack:
            node, here, annotated = stack.pop()
            if isinstance(node, _ACTING) and not here.runs_later and not annotated:
                self.part.acts = True
            if isinstance(node, literals.FOLDABLE) and id(node) not in self._folded:
                self._fold(node, here)
            visit = _VISITS.get(type(node))
            if visit is None:
                stack.extend((child, here, annotated) for child in ast.iter_child_nodes(node))
            else:
                stack.extend(visit(self, node, here, annotated))

    def _fold(self, node: ast.AST, scope: Scope) -> None:
        """Note a path expression such as `Path(__file__).parent / "x.csv"`, once, at its outermost node."""
        folded = literals.fold(node, scope, self)
        if folded is not None and literals.names_a_file(folded):
            self.fold_silently(node)
            self.part.folded.append(folded)

    def _name(self, node: ast.Name, scope: Scope, annotated: bool) -> list[Item]:
        if isinstance(node.ctx, ast.Load):
            self._load(node, scope)
        elif scope.find(node.id) is None and (
            node.id in scope.bound.globals or (scope.kind == "function" and scope.later)
        ):
            self.binds.add(node.id)
            self.store(node, scope)
        return []

    def _attribute(self, node: ast.Attribute, scope: Scope, annotated: bool) -> list[Item]:
        if not isinstance(node.ctx, ast.Load):
            self.store(node, scope)
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            if root.attr in _TELLING:
                self.weak(_TELLING[root.attr], root)
            root = root.value
        if isinstance(root, ast.Name):
            self._load(node, scope)
            return []
        return [(root, scope, annotated)]

    def _load(self, node: ast.Name | ast.Attribute, scope: Scope) -> None:
        if id(node) in self._seen:
            return
        if isinstance(node, ast.Name) and node.id == "__doc__":
            self.weak("doc", node)
        for chain in self.chains(node, scope):
            self.use(chain, scope)
            (self._joined if id(node) in self._folded else self._plain).add(chain)
            calls.inspect_use(self, node, self.context.dotted(chain))

    def _subscript(self, node: ast.Subscript, scope: Scope, annotated: bool) -> list[Item]:
        calls.inspect_subscript(self, node, scope)
        if not isinstance(node.ctx, ast.Load):
            self.store(node, scope)
        literal = annotated and self.chains(node.value, scope)[-1:] in (["Literal"], ["typing.Literal"])
        return [(node.value, scope, annotated), (node.slice, scope, annotated and not literal)]

    def _constant(self, node: ast.Constant, scope: Scope, annotated: bool) -> list[Item]:
        if not isinstance(node.value, str):
            return []
        if annotated:
            try:
                expression = ast.parse(node.value.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError):
                return []
            self.keep(expression)
            return [(expression, scope, True)]
        if id(node) not in self._folded and literals.could_be_a_file(node.value):
            self.part.strings.append(node.value)
        return []

    def _expression(self, node: ast.Expr, scope: Scope, annotated: bool) -> list[Item]:
        if isinstance(node.value, ast.Constant):
            return []
        if isinstance(node.value, ast.Call):
            bare = self.part.bare_later if scope.runs_later else self.part.bare
            bare += self.access(node.value.func, scope)
        return [(node.value, scope, False)]

    def _comparison(self, node: ast.Compare, scope: Scope, annotated: bool) -> list[Item]:
        calls.inspect_comparison(self, node, scope)
        return [(part, scope, annotated) for part in (node.left, *node.comparators)]

    def _text_pieces(self, node: ast.JoinedStr, scope: Scope, annotated: bool) -> list[Item]:
        """Pieces of text between values are no file names; an f-string without values is a literal."""
        return [(v, scope, False) for v in node.values if isinstance(v, ast.FormattedValue) or len(node.values) == 1]

    def _formatted(self, node: ast.FormattedValue, scope: Scope, annotated: bool) -> list[Item]:
        spec = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else []
        inner = [v for v in spec if isinstance(v, ast.FormattedValue)]
        return [(v, scope, False) for v in (node.value, *inner)]

    def _call(self, node: ast.Call, scope: Scope, annotated: bool) -> list[Item]:
        chains = self.chains(node.func, scope)
        if not scope.runs_later:
            self.part.calls += chains or self.access(node.func, scope) or [UNKNOWN]
        calls.inspect_call(self, node, chains, scope)
        children: list[ast.AST] = [node.func, *node.args, *(k.value for k in node.keywords)]
        return [(child, scope, annotated) for child in children]

    def _annotated_assignment(self, node: ast.AnnAssign, scope: Scope, annotated: bool) -> list[Item]:
        items: list[Item] = [(node.annotation, scope, True), (node.target, scope, False)]
        return items if node.value is None else [*items, (node.value, scope, False)]

    def _augmented_assignment(self, node: ast.AugAssign, scope: Scope, annotated: bool) -> list[Item]:
        if isinstance(node.target, ast.Name):
            if scope.find(node.target.id) is None and scope.kind != "class":
                self.store(node.target, scope)
            read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
            self.keep(read)
            return [(node.value, scope, False), (read, scope, False), (node.target, scope, False)]
        return [(node.value, scope, False), (node.target, scope, False)]

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope, annotated: bool) -> list[Item]:
        imports = self.part.imports_later if scope.runs_later else self.part.imports
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        else:
            imports.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
        if scope.kind == "class":
            for targets in scope.bound.imports.values():  # the class has them as attributes
                for target in targets:
                    self.use(chain_at(target, ()), scope)
        for name, target in aliases_of(node):
            if name in scope.bound.globals:  # `global np; import numpy as np`
                self.binds.add(name)
                self.aliases.setdefault(name, []).append(target)
            elif name in scope.bound.nonlocals:
                self.use(chain_at(target, ()), scope)
        return []

    def _function(self, node: Function, scope: Scope, annotated: bool) -> list[Item]:
        for decorator in node.decorator_list:
            self.decorator(decorator, scope)
        return [
            *((d, scope, False) for d in node.decorator_list),
            *self.header(node, scope),
            *self.body(node, scope),
        ]

    def decorator(self, node: ast.expr, scope: Scope) -> None:
        """Applying a decorator is a call."""
        if not scope.runs_later and not isinstance(node, ast.Call):
            self.part.calls += self.chains(node, scope) or self.access(node, scope) or [UNKNOWN]

    def header(self, node: Function, scope: Scope) -> list[Item]:
        """Defaults, annotations and type parameters."""
        inner = types_scope(node, scope)
        items: list[Item] = [(t, inner, True) for t in getattr(node, "type_params", [])]
        args = node.args
        for argument in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg):
            if argument is not None and argument.annotation is not None:
                items.append((argument.annotation, inner, True))
        if node.returns is not None:
            items.append((node.returns, inner, True))
        return items + [(d, scope, False) for d in (*args.defaults, *args.kw_defaults) if d is not None]

    def body(self, node: Function, scope: Scope) -> list[Item]:
        inner = function_scope(node.args, node.body, types_scope(node, scope))
        return [(statement, inner, False) for statement in node.body]

    def _lambda(self, node: ast.Lambda, scope: Scope, annotated: bool) -> list[Item]:
        inner = function_scope(node.args, [node.body], scope, is_lambda=True)
        defaults = [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
        return [(node.body, inner, False), *((d, scope, False) for d in defaults)]

    def _class(self, node: ast.ClassDef, scope: Scope, annotated: bool) -> list[Item]:
        for decorator in node.decorator_list:
            self.decorator(decorator, scope)
        return [*((d, scope, False) for d in node.decorator_list), *self.class_inside(node, scope)]

    def class_inside(self, node: ast.ClassDef, scope: Scope) -> list[Item]:
        """Bases, keywords and body of a class."""
        around = types_scope(node, scope)
        inner = Scope(
            "class", bound_in(node.body), around, later=scope.later, runs_later=scope.runs_later, owner=node.name
        )
        return [
            *((t, around, True) for t in getattr(node, "type_params", [])),
            *((base, around, False) for base in node.bases),
            *((k.value, around, False) for k in node.keywords),
            *((statement, inner, False) for statement in node.body),
        ]

    def _comprehension(self, node: Any, scope: Scope, annotated: bool) -> list[Item]:
        inner = comprehension_scope(node, scope)
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        items: list[Item] = [(element, inner, False) for element in elements]
        for position, generator in enumerate(node.generators):
            items.append((generator.iter, inner if position else scope, False))
            items.append((generator.target, inner, False))
            items += [(condition, inner, False) for condition in generator.ifs]
        return items


_VISITS: dict[type, Any] = {
    ast.Name: Names._name,
    ast.Attribute: Names._attribute,
    ast.Subscript: Names._subscript,
    ast.Constant: Names._constant,
    ast.Expr: Names._expression,
    ast.Call: Names._call,
    ast.Compare: Names._comparison,
    ast.JoinedStr: Names._text_pieces,
    ast.FormattedValue: Names._formatted,
    ast.AnnAssign: Names._annotated_assignment,
    ast.AugAssign: Names._augmented_assignment,
    ast.Import: Names._import,
    ast.ImportFrom: Names._import,
    ast.Lambda: Names._lambda,
    ast.ClassDef: Names._class,
    **dict.fromkeys(FUNCTIONS, Names._function),
    **dict.fromkeys(COMPREHENSIONS, Names._comprehension),
}
