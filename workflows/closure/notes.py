"""What is noted of one part of a unit: the chains that its names stand for, stores, weak points."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tiphys.workflows.closure.context import ModuleContext, Target, chain_at, is_fresh
from tiphys.workflows.closure.facts import ANY_USED, UNKNOWN, Part
from tiphys.workflows.closure.scopes import Scope, mangled

_CLASS_PARAMETERS = frozenset({"cls", "mcs", "klass"})


class Notes:
    """Notes on one part. `context` holds what the module as a whole says: its imports and bound names."""

    def __init__(self, context: ModuleContext, part: Part) -> None:
        self.context = context
        self.part = part
        self.binds: set[str] = set()  # names written through `global`
        self.aliases: dict[str, list[Target]] = {}  # imported under a name declared `global`
        self.changes_class = False  # `cls.x = `: the class is state
        self._seen: set[int] = set()  # nodes that are taken care of otherwise
        self._kept: list[ast.AST] = []  # nodes made here: kept, so that no other node gets their id
        self._folded: set[int] = set()
        self._plain: set[str] = set()
        self._joined: set[str] = set()
        self._now: set[str] = set()
        self._later: set[str] = set()

    def finish(self) -> Part:
        """The part with its names in sorted order."""
        self.part.now = sorted(self._now)
        self.part.later = sorted(self._later - self._now)
        self.part.joined = sorted(self._joined - self._plain)
        for name in ("calls", "bare", "bare_later", "stores", "stores_later", "strings", "env"):
            setattr(self.part, name, sorted(set(getattr(self.part, name))))
        return self.part

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

    def fold_silently(self, node: ast.AST) -> None:
        """The value of a constant: it names a file where the constant is used, not where it is defined."""
        for inner in ast.walk(node):
            self._folded.add(id(inner))


def _through_class(node: ast.AST) -> bool:
    """Whether a store on `self` goes to its class (`self.__class__.made = 1`)."""
    return any(isinstance(n, ast.Attribute) and n.attr == "__class__" for n in ast.walk(node))
