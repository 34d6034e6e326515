"""Calls and accesses whose meaning the walk must know: `getattr`, imports by call, `exec`, `os.environ`, `sys.modules`.

What can be followed becomes a chain; what cannot is noted as weak, and `hazards` says what it means for a closure.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tiphys.workflows.closure.facts import UNKNOWN

if TYPE_CHECKING:
    from tiphys.workflows.closure.names import Names
    from tiphys.workflows.closure.scopes import Scope

_USES = {
    "os.environ": "environ",
    "os.environb": "environ",
    "os.environ.items": "environ",
    "os.environ.copy": "environ",
    "os.environ.keys": "environ",
    "os.environ.values": "environ",
    "sys.modules": "modules",
    "sys.modules.values": "modules",
    "sys.modules.items": "modules",
    "sys.modules.copy": "modules",
    "sys.path.append": "path",
    "sys.path.insert": "path",
    "sys.path.extend": "path",
    "sys.path.remove": "path",
    "site.addsitedir": "path",
    "inspect.getsource": "source",
    "inspect.getsourcelines": "source",
    "inspect.findsource": "source",
    "linecache.getline": "source",
    "linecache.getlines": "source",
    "inspect.getdoc": "doc",
    "doctest.testmod": "doc",
    "doctest.run_docstring_examples": "doc",
    "docopt.docopt": "doc",
    "ply.yacc.yacc": "globals",
    "ply.lex.lex": "globals",
    "yacc.yacc": "globals",
    "lex.lex": "globals",
    "runpy.run_path": "import",
    "runpy.run_module": "import",
    "importlib.util.spec_from_file_location": "import",
}
_ENVIRONMENT = frozenset({"os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault"})
_IMPORTERS = frozenset({"importlib.import_module", "importlib.__import__", "__import__"})
_LONGEST_TEXT_SEARCH = 4


def inspect_use(names: Names, node: ast.AST, dotted: tuple[str, ...]) -> None:
    """A name is read: is it one that tells more than its own definition?"""
    for text in dotted:
        if text in _USES:
            names.weak(_USES[text], node)
        elif text == "globals" and names.context.is_builtin("globals"):
            names.weak("globals", node)


def inspect_subscript(names: Names, node: ast.Subscript, scope: Scope) -> None:
    """`os.environ[…]` and `sys.modules[…]`."""
    dotted = _dotted(names, node.value, scope)
    if "os.environ" in dotted:
        names.handled(node.value)
        if isinstance(node.ctx, ast.Load):
            _environment_name(names, node.slice)
    elif "sys.modules" in dotted:
        names.handled(node.value)
        if isinstance(node.ctx, ast.Load):
            _loaded_module(names, node, node.slice, scope)
        else:
            names.weak("replace", node)


def inspect_comparison(names: Names, node: ast.Compare, scope: Scope) -> None:
    """`"NAME" in os.environ`, `"x" in sys.modules`: the container is not used as a value."""
    if not all(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
        return
    for left, container in zip((node.left, *node.comparators), node.comparators, strict=False):
        dotted = _dotted(names, container, scope)
        if "os.environ" in dotted:
            names.handled(container)
            _environment_name(names, left)
        elif "sys.modules" in dotted:
            names.handled(container)


def inspect_call(names: Names, node: ast.Call, chains: list[str], scope: Scope) -> None:
    """A call, evaluated now or later."""
    for text in {text for chain in chains for text in names.context.dotted(chain)}:
        if text in _ENVIRONMENT and node.args:
            _environment_name(names, node.args[0])
        elif text in _IMPORTERS:
            _import_call(names, node, text, scope)
        elif text in ("sys.modules.get", "sys.modules.pop", "sys.modules.setdefault") and node.args:
            _loaded_module(names, node, node.args[0], scope)
        elif "." not in text and names.context.is_builtin(text):
            _builtin(names, node, text, scope)
    _arguments(names, node, chains, scope)


def _builtin(names: Names, node: ast.Call, name: str, scope: Scope) -> None:
    if name in ("exec", "eval") and node.args:
        _execution(names, node, scope)
    elif (name == "vars" and not node.args) or (name == "locals" and scope.kind == "module"):
        names.weak("globals", node)
    elif name in ("getattr", "hasattr") and len(node.args) >= 2:
        attribute = node.args[1]
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
            names.handled(node.args[0])
            for chain in names.chains(node.args[0], scope):
                names.use(_extended(chain, attribute.value), scope)
    elif name in ("setattr", "delattr") and len(node.args) >= 2:
        attribute = node.args[1]
        constant = attribute.value if isinstance(attribute, ast.Constant) else None
        _set_attribute(names, node.args[0], constant if isinstance(constant, str) else "[]", scope)


def _set_attribute(names: Names, target: ast.expr, attribute: str, scope: Scope) -> None:
    """`setattr(X, "a", …)` is a store on `X.a`; with a computed name on all of X."""
    if names.chains(target, scope):
        names.handled(target)
        names.store(target, scope, "." + attribute)
        for chain in names.chains(target, scope):
            names.use(_extended(chain, attribute), scope)
    else:
        store = ast.copy_location(ast.Attribute(target, attribute, ast.Store()), target)
        names.keep(store)
        names.store(store, scope)


def _execution(names: Names, node: ast.Call, scope: Scope) -> None:
    """`exec(text, {names})` can use what it is given; without a namespace, or with `globals()`, all of the module."""
    spaces = [*node.args[1:], *(k.value for k in node.keywords)]
    if not spaces or any(isinstance(n, ast.Name) and n.id == "globals" for s in spaces for n in ast.walk(s)):
        names.weak("exec", node)
    sources = sorted(set(_sources(names, node.args[0], scope, _LONGEST_TEXT_SEARCH)))
    if sources:
        names.weak("text", node, " ".join(sources))


def _sources(names: Names, node: ast.AST, scope: Scope, depth: int) -> Iterator[str]:
    """The chains that a text is made from, through local variables."""
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Name):
            continue
        owner = scope.find(inner.id)
        if owner is None or inner.id in owner.bound.imports:
            continue
        for value in owner.bound.values.get(inner.id, ()):
            if value is not None and depth:
                yield from _sources(names, value, scope, depth - 1)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute | ast.Call):
            yield from names.access(inner, scope)


def _import_call(names: Names, node: ast.Call, function: str, scope: Scope) -> None:
    """`import_module("a.b")` is an import whose module is used as a value."""
    argument = _argument(node, 0, "name")
    if isinstance(argument, ast.Name) and (owner := scope.find(argument.id)) is not None:
        values = owner.bound.values.get(argument.id, [])
        argument = values[0] if len(values) == 1 and values[0] is not None else argument
    package = _argument(node, 1, "package") if function == "importlib.import_module" else None
    is_own = isinstance(package, ast.Name) and package.id in ("__package__", "__name__")
    around = package.value if isinstance(package, ast.Constant) and isinstance(package.value, str) else ""
    text = "" if argument is None else _literal_prefix(argument)
    if around and text.startswith(".") and not text.startswith(".."):
        text = around + text
    if not isinstance(argument, ast.Constant):
        names.weak("import", node, text if is_own or not text.startswith(".") else "")
        return
    name = text.lstrip(".")
    level = len(text) - len(name)
    if not name or (level and not is_own):
        names.weak("import", node)
        return
    imports = names.part.imports_later if scope.runs_later else names.part.imports
    imports.append((level, name, ()))
    names.use(f"@{level}|{name}||", scope)
    if function.endswith("__import__"):
        names.use(f"@{level}|{name.partition('.')[0]}||", scope)


def _argument(node: ast.Call, position: int, name: str) -> ast.expr | None:
    if len(node.args) > position:
        return node.args[position]
    return next((k.value for k in node.keywords if k.arg == name), None)


def _literal_prefix(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        node = node.values[0] if node.values else node
    while isinstance(node, ast.BinOp):
        node = node.left
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _environment_name(names: Names, node: ast.expr) -> None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        names.part.env.append(node.value)


def _loaded_module(names: Names, node: ast.AST, key: ast.expr, scope: Scope) -> None:
    """A module taken from `sys.modules`: itself, a named one, or any."""
    if isinstance(key, ast.Name) and key.id == "__name__" and scope.find("__name__") is None:
        names.weak("self", node)
    elif isinstance(key, ast.Constant) and isinstance(key.value, str):
        names.use(f"@0|{key.value}||", scope)
    else:
        names.weak("modules", node)


def _arguments(names: Names, node: ast.Call, chains: list[str], scope: Scope) -> None:
    """Note which names are handed to the call: their docstrings may be read there."""
    for argument in (*node.args, *(k.value for k in node.keywords)):
        values: list[ast.expr] = [argument]
        if isinstance(argument, ast.List | ast.Tuple | ast.Set):
            values = argument.elts
        elif isinstance(argument, ast.Dict):
            values = argument.values
        for value in values:
            for chain in names.chains(value, scope):
                names.part.passes += [(callee, chain) for callee in chains or [UNKNOWN]]


def _dotted(names: Names, node: ast.AST, scope: Scope) -> set[str]:
    return {text for chain in names.chains(node, scope) for text in names.context.dotted(chain)}


def _extended(chain: str, attribute: str) -> str:
    return chain + attribute if chain.endswith("|") else f"{chain}.{attribute}"
