"""File names in the text: literals that could be one, and path expressions such as `Path(__file__).parent / "x.csv"`.

An expression is *folded* into JSON: `["file"]` is `__file__`, `["name", chain]` a module-level name (its value may
stand in another module), `["text", s]` a literal; the other forms are operations on these. `Evaluator` makes paths of
them once the modules are known.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiphys.workflows.closure.names import Names
    from tiphys.workflows.closure.scopes import Scope

FOLDABLE = (ast.BinOp, ast.Call, ast.Attribute, ast.Subscript, ast.JoinedStr)
LONGEST = 200
_DEEPEST = 30
_PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath", "Path"})
_SAME = frozenset({"str", "os.fspath", "os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expanduser"})
_SAME_METHODS = frozenset({"resolve", "absolute", "expanduser", "as_posix", "__str__"})
Values = Callable[[str, str], list[tuple[str, Any]]]
"""(module, chain) -> (module, folded value) of what the chain may name."""


def could_be_a_file(text: str) -> bool:
    """Whether a literal could name a file: an extension or a slash, one line, no placeholders, no URL."""
    if not 1 < len(text) < LONGEST or "\n" in text or "\0" in text or "://" in text or "{" in text or "%" in text:
        return False
    return "/" in text.strip("/") or (posixpath.splitext(text)[1] not in ("", ".") and text.strip() == text)


def names_a_file(folded: Any) -> bool:
    """Whether a folded expression joins literals to something: a bare `Path(__file__).parent` names no file."""
    return folded[0] in ("join", "add", "sibling", "suffix") or (len(folded) > 1 and _inner_names(folded[1]))


def texts_of(folded: Any) -> Iterator[str]:
    """The literals in a folded expression that could name files by themselves."""
    if folded[0] == "text":
        if could_be_a_file(folded[1]):
            yield folded[1]
    elif folded[0] not in ("name", "package"):
        for operand in folded[1:]:
            if isinstance(operand, list):
                yield from texts_of(operand)


def _inner_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str) and names_a_file(value)


def fold(node: ast.AST, scope: Scope, names: Names, depth: int = 0) -> Any:
    """The folded form of a path expression, or None."""
    if depth > _DEEPEST:
        return None

    def inner(child: ast.AST) -> Any:
        return fold(child, scope, names, depth + 1)

    match node:
        case ast.Constant(value=str() as text):
            return ["text", text]
        case ast.Name() | ast.Attribute() if names.chains(node, scope) or isinstance(node, ast.Name):
            return _fold_name(node, scope, names, depth) or _fold_attribute(node, inner)
        case ast.Attribute():
            return _fold_attribute(node, inner)
        case ast.BinOp(op=ast.Div() | ast.Add()):
            return _pair("join" if isinstance(node.op, ast.Div) else "add", inner(node.left), inner(node.right))
        case ast.Subscript(value=ast.Attribute(attr="parents", value=base), slice=ast.Constant(value=int() as up)):
            folded = inner(base)
            return None if folded is None or up < 0 else ["up", folded, up + 1]
        case ast.JoinedStr(values=values):
            return _fold_text(values, inner)
        case ast.Call():
            return _fold_call(node, scope, names, inner)
    return None


def _fold_name(node: ast.Name | ast.Attribute, scope: Scope, names: Names, depth: int) -> Any:
    if isinstance(node, ast.Name):
        if node.id == "__file__":
            return ["file"]
        owner = scope.find(node.id)
        if owner is not None and node.id not in owner.bound.imports:
            values = owner.bound.values.get(node.id, [])
            value = values[0] if len(values) == 1 else None
            return None if value is None or node.id in owner.parameters else fold(value, scope, names, depth + 1)
    chains = names.chains(node, scope)
    is_path_part = isinstance(node, ast.Attribute) and node.attr in ("parent", "parents")
    return ["name", chains[0]] if len(chains) == 1 and not is_path_part else None


def _fold_attribute(node: ast.AST, inner: Callable[[ast.AST], Any]) -> Any:
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        folded = inner(node.value)
        return None if folded is None else ["up", folded, 1]
    return None


def _fold_text(values: list[ast.expr], inner: Callable[[ast.AST], Any]) -> Any:
    folded: Any = None
    for value in values:
        plain = isinstance(value, ast.FormattedValue) and value.conversion == -1 and value.format_spec is None
        part = inner(value.value if plain else value)  # type: ignore[attr-defined]
        if part is None:
            return None
        folded = part if folded is None else ["add", folded, part]
    return folded


def _fold_call(node: ast.Call, scope: Scope, names: Names, inner: Callable[[ast.AST], Any]) -> Any:
    dotted = {text for chain in names.chains(node.func, scope) for text in names.context.dotted(chain)}
    if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    arguments = [inner(argument) for argument in node.args]
    if dotted & _PATHS or "os.path.join" in dotted:
        return _joined(arguments)
    if dotted & _SAME and len(arguments) == 1:
        return arguments[0]
    if "os.path.dirname" in dotted and len(arguments) == 1:
        return None if arguments[0] is None else ["up", arguments[0], 1]
    if "importlib.resources.files" in dotted and arguments and arguments[0] and arguments[0][0] == "text":
        return ["package", arguments[0][1]]
    if not isinstance(node.func, ast.Attribute):
        return None
    return _fold_method(node.func.attr, inner(node.func.value), arguments)


def _fold_method(method: str, base: Any, arguments: list[Any]) -> Any:
    if base is None or None in arguments:
        return None
    if method == "joinpath":
        return _joined([base, *arguments])
    if method in _SAME_METHODS and not arguments:
        return base
    if method == "with_name" and len(arguments) == 1:
        return ["sibling", base, arguments[0]]
    if method == "with_suffix" and len(arguments) == 1:
        return ["suffix", base, arguments[0]]
    return None


def _joined(parts: list[Any]) -> Any:
    if not parts or None in parts:
        return None
    folded = parts[0]
    for part in parts[1:]:
        folded = ["join", folded, part]
    return folded


def _pair(operation: str, left: Any, right: Any) -> Any:
    return None if left is None or right is None else [operation, left, right]


class Evaluator:
    """Makes paths of folded expressions. `file_of`: module -> its file; `values`: what a name was assigned."""

    def __init__(self, file_of: Callable[[str], str | None], values: Values) -> None:
        self._file_of = file_of
        self._values = values

    def paths(self, module: str, folded: Any, depth: int = 0) -> set[str]:
        """All texts that the expression may stand for; relative ones are relative to wherever the program looks."""
        if depth > _DEEPEST:
            return set()
        kind, *operands = folded
        if kind == "text":
            return {operands[0]}
        if kind in ("file", "package"):
            name = module if kind == "file" else operands[0]
            file = self._file_of(name)
            return set() if file is None else {file if kind == "file" else posixpath.dirname(file)}
        if kind == "name":
            found = self._values(module, operands[0])
            return {path for where, value in found for path in self.paths(where, value, depth + 1)}
        bases = self.paths(module, operands[0], depth + 1)
        if kind == "up":
            return {_up(base, operands[1]) for base in bases}
        others = self.paths(module, operands[1], depth + 1)
        return {_combined(kind, base, other) for base in bases for other in others}


def _up(path: str, levels: int) -> str:
    for _ in range(levels):
        path = posixpath.dirname(path)
    return path


def _combined(kind: str, base: str, other: str) -> str:
    if kind == "add":
        return base + other
    if kind == "sibling":
        return posixpath.join(posixpath.dirname(base), other)
    if kind == "suffix":
        return posixpath.splitext(base)[0] + other
    return posixpath.join(base, other)
