"""The canonical form of statements: the same text on every Python minor, whatever the comments and the layout.

A pre-order walk: the class of a node, then each field of `_fields` that is neither `None` nor `[]`, closed by `)`.
So a field that a newer Python adds (`type_params` in 3.12) changes nothing until it is used; `ast.dump`, which changed
its output in 3.13, and bytecode, which differs by minor, cannot serve. Statements without effect (`pass`, docstrings,
`...`) are dropped, docstrings are kept apart. Neighbouring text pieces of an f-string are merged, because parsers of
different minors split them differently.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from blake3 import blake3

FORM = 1
"""Version of the canonical form and of the summaries made with it; a part of every digest."""

_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_BODIES = frozenset({"body", "orelse", "finalbody"})
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def digest_of(nodes: Sequence[ast.AST], without: frozenset[str] = frozenset()) -> tuple[str, str]:
    """BLAKE3 (hexadecimal) of the canonical form and of the docstrings ("" when none) of some statements.

    `without`: fields of the given nodes themselves (not of what is inside) that are left out.
    """
    text, docs = canonical_text(nodes, without)
    return text_digest(text), text_digest("\0".join(docs)) if docs else ""


def text_digest(text: str) -> str:
    return blake3(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical_text(nodes: Sequence[ast.AST], without: frozenset[str] = frozenset()) -> tuple[str, list[str]]:
    """The canonical form, and all docstrings in order. A stack, not recursion: `a + b + …` nests a level an operand."""
    written: list[str] = []
    docs: list[str] = []
    stack: list[Any] = []
    for node in reversed(nodes):
        pending = _parts(node, docs, without)
        pending.reverse()
        stack.extend(pending)
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            written.append(item)
        else:
            pending = _parts(item, docs)
            pending.reverse()
            stack.extend(pending)
    return "".join(written), docs


def meaningful(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body without `pass` and bare constants."""
    return [s for s in body if not (isinstance(s, ast.Pass) or _is_bare_constant(s))]


def docstring(node: ast.AST) -> str | None:
    """The raw docstring of a module, function or class."""
    body: list[ast.stmt] = getattr(node, "body", [])
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        value = body[0].value.value
        return value if isinstance(value, str) else None
    return None


def _is_bare_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _parts(node: ast.AST, docs: list[str], without: frozenset[str] = frozenset()) -> list[Any]:
    """What a node is written as: texts, and child nodes that are still to be written."""
    if isinstance(node, ast.Constant):
        return [_constant(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr(", *_listed(_merged(node.values)), ")"]
    if isinstance(node, ast.MatchSingleton):
        return ["MatchSingleton(", _constant(node.value), ")"]
    if isinstance(node, _DOCUMENTED):
        text = docstring(node)
        if text is not None:
            docs.append(text)
    parts: list[Any] = [type(node).__name__, "("]
    for name in node._fields:
        if name not in _SKIPPED and name not in without:
            parts += _field(name, getattr(node, name, None))
    parts.append(")")
    return parts


def _field(name: str, value: Any) -> list[Any]:
    if isinstance(value, list):
        items = meaningful(value) if name in _BODIES else value
        return [f" {name}=", *_listed(items)] if items else []
    if value is None:
        return []
    return [f" {name}=", value if isinstance(value, ast.AST) else str(value)]


def _listed(values: Iterable[Any]) -> list[Any]:
    parts: list[Any] = ["["]
    for value in values:
        if isinstance(value, ast.AST):
            parts.append(value)
        else:  # an identifier of `global`, or None for `**` in a dictionary and for a missing default
            parts.append("~" if value is None else str(value))
        parts.append(",")
    parts.append("]")
    return parts


def _merged(values: Iterable[ast.expr]) -> list[ast.expr]:
    merged: list[ast.expr] = []
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            if not value.value:
                continue
            last = merged[-1] if merged else None
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                merged[-1] = ast.Constant(last.value + value.value)
                continue
        merged.append(value)
    return merged


def _constant(value: object) -> str:
    """A literal with its type: `1`, `1.0` and `True` differ. Integers as hexadecimal, which has no length limit."""
    if isinstance(value, str):
        return f"str{len(value)}:{value}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"int:{value:x};"
    return f"{type(value).__name__}:{value!r};"
