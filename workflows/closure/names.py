"""Walks statements and notes every name that is not a local, and what is done with it.

A stack instead of recursion, since long sums nest deeply; the order of the notes does not matter. What the walk notes,
and the notation of chains, are described in `facts`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from tiphys.workflows.closure import calls, literals
from tiphys.workflows.closure.context import ModuleContext, chain_at, is_fresh
from tiphys.workflows.closure.facts import ANY_USED, UNKNOWN, Part
from tiphys.workflows.closure.scopes import (
    COMPREHENSIONS,
    FUNCTIONS,
    Bound,
    Function,
    Scope,
    argument_names,
    bound_in,
    comprehension_scope,
    function_scope,
    mangled,
    types_scope,
)

Item = tuple[ast.AST, Scope, bool]
"""A node, the scope it is evaluated in, and whether it is part of an annotation."""

_ACTING = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Subscript, ast.FormattedValue, ast.Await, ast.Yield,
    ast.YieldFrom, ast.For, ast.AsyncFor, ast.While, ast.If, ast.IfExp, ast.With, ast.AsyncWith, ast.Match, ast.Assert,
    ast.Raise, ast.AugAssign, ast.Delete, ast.Starred, *COMPREHENSIONS,
)  # fmt: skip
_CLASS_PARAMETERS = frozenset({"cls", "mcs", "klass"})
_TELLING = {"__subclasses__": "subclasses", "__doc__": "doc", "f_globals": "frames", "__globals__": "frames"}


class Names:
    """The names of one part. `context` holds what the module as a whole says: its imports and bound names."""

    def __init__(self, context: ModuleContext, part: Part) -> None:
        self.context = context
        self.part = part
        self.binds: set[str] = set()  # names written through `global`
        self.changes_class = False  # `cls.x = `: the class is state
        self._seen: set[int] = set()  # nodes that are taken care of otherwise
        self._kept: list[ast.AST] = []  # nodes made here: kept, so that no other node gets their id
        self._folded: set[int] = set()
        self._plain: set[str] = set()
        self._joined: set[str] = set()
        self._now: set[str] = set()
        self._later: set[str] = set()

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

    def finish(self) -> Part:
        """The part with its names in sorted order."""
        self.part.now = sorted(self._now)
        self.part.later = sorted(self._later - self._now)
        self.part.joined = sorted(self._joined - self._plain)
        for name in ("calls", "bare", "bare_later", "stores", "stores_later", "strings", "env"):
            setattr(self.part, name, sorted(set(getattr(self.part, name))))
        return self.part

    # Notes ------------------------------------------------------------------------------------------------------
    def weak(self, kind: str, node: ast.AST, detail: str = "") -> None:
        """Something that text alone cannot follow."""
        self.part.weak.append((kind, getattr(node, "lineno", 0), detail))

    def use(self, chain: str, scope: Scope) -> None:
        (self._later if scope.later else self._now).add(chain)

    def handled(self, node: ast.AST) -> None:
        """Do not note this node as a use."""
        self._seen.add(id(node))

    def keep(self, node: ast.AST) -> None:
        """Hold a node that is not in the tree of the file."""
        self._kept.append(node)

    def store(self, node: ast.AST, scope: Scope, extra: str = "") -> None:
        """Something is assigned to, deleted from or set on what `node` names."""
        for chain in self._store_chains(node, scope):
            full = chain if chain in (ANY_USED, UNKNOWN) else chain + extra
            (self.part.stores_later if scope.runs_later else self.part.stores).append(full)

    def chains(self, node: ast.AST, scope: Scope) -> list[str]:
        """The chains of a dotted access; empty when its root is a local or no name."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return []
        attributes.reverse()
        return self.rooted(node.id, attributes, scope)

    def rooted(self, root: str, attributes: Sequence[str], scope: Scope) -> list[str]:
        owner = scope.find(root)
        if owner is not None:
            return [chain_at(target, attributes) for target in owner.bound.imports.get(root, ())]
        found = [".".join((root, *attributes))]
        found += [chain_at(target, attributes) for target in scope.class_imports(root)]
        if scope.owner and any(a.startswith("__") for a in (root, *attributes)):
            found.append(".".join(mangled(a, scope.owner) or a for a in (root, *attributes)))
        return found

    def access(self, node: ast.AST, scope: Scope) -> list[str]:
        """Like `chains`, through subscripts and calls: `X[0].get().y` is `X.[].get.().y`; unknown: empty."""
        parts: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Subscript):
                parts.append("[]")
                node = node.value
            elif isinstance(node, ast.Call):
                parts.append("()")
                node = node.func
            else:
                break
        if not isinstance(node, ast.Name):
            return []
        parts.reverse()
        return self.rooted(node.id, parts, scope)

    def _store_chains(self, node: ast.AST, scope: Scope) -> list[str]:
        chains = self.access(node, scope)
        if chains:
            return [UNKNOWN if "()" in chain.split(".") else chain for chain in chains]
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if not isinstance(root, ast.Name):
            return [UNKNOWN]
        owner = scope.find(root.id)
        if owner is not None and root.id == owner.first:
            self.changes_class |= root.id in _CLASS_PARAMETERS or _through_class(node)
            return []
        if isinstance(node, ast.Subscript):
            return []  # what has items is state, and counts where it is reached
        direct = isinstance(node, ast.Attribute) and node.value is root
        return [] if owner is not None and direct and is_fresh(owner, root.id) else [ANY_USED]

    def _fold(self, node: ast.AST, scope: Scope) -> None:
        """Note a path expression such as `Path(__file__).parent / "x.csv"`, once, at its outermost node."""
        folded = literals.fold(node, scope, self)
        if folded is not None and literals.names_a_file(folded):
            self.fold_silently(node)
            self.part.folded.append(folded)

    def fold_silently(self, node: ast.AST) -> None:
        """The value of a constant: it names a file where the constant is used, not where it is defined."""
        for inner in ast.walk(node):
            self._folded.add(id(inner))

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

    # Statements and expressions with rules of their own -----------------------------------------------------------
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
        return [(value, scope, False) for value in node.values if isinstance(value, ast.FormattedValue)]

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
        if scope.later:
            for alias in node.names:  # `global np; import numpy as np`
                name = alias.asname or alias.name.partition(".")[0]
                if name in scope.bound.globals:
                    self.binds.add(name)
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


def _through_class(node: ast.AST) -> bool:
    """Whether a store on `self` goes to its class (`self.__class__.made = 1`)."""
    return any(isinstance(n, ast.Attribute) and n.attr == "__class__" for n in ast.walk(node))


_VISITS: dict[type, Any] = {
    ast.Name: Names._name,
    ast.Attribute: Names._attribute,
    ast.Subscript: Names._subscript,
    ast.Constant: Names._constant,
    ast.Expr: Names._expression,
    ast.Call: Names._call,
    ast.Compare: Names._comparison,
    ast.JoinedStr: Names._text_pieces,
    ast.AnnAssign: Names._annotated_assignment,
    ast.AugAssign: Names._augmented_assignment,
    ast.Import: Names._import,
    ast.ImportFrom: Names._import,
    ast.Lambda: Names._lambda,
    ast.ClassDef: Names._class,
    **{kind: Names._function for kind in FUNCTIONS},
    **{kind: Names._comprehension for kind in COMPREHENSIONS},
}
