"""Parses a file and tells which of its statements an import executes."""

from __future__ import annotations

import ast
import gc
import sys
import warnings
from collections.abc import Iterator

from tiphys.cluster.errors import InputError
from tiphys.workflows.closure.context import ModuleContext
from tiphys.workflows.closure.scopes import bound_in

_EXTRA_DEPTH = 10_000
"""The parser may nest as deeply as in a fresh interpreter, however deep the caller is: what imports must parse."""


def parse(source: bytes, shown: str) -> ast.Module:
    """The syntax tree of the bytes of a file, so that its coding line and BOM are honoured."""
    collecting = gc.isenabled()
    limit = sys.getrecursionlimit()
    gc.disable()  # nearly halves the time of a parse
    sys.setrecursionlimit(limit + _EXTRA_DEPTH)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the user's to see when the module is imported
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        message = getattr(error, "msg", None) or str(error) or "nested too deeply"
        minor = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InputError(
            f"cannot parse {shown}:{line} with Python {minor}: {message}",
            fix="correct the file, or run Tiphys with the Python that it is written for",
        ) from None
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


def executed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that an import executes."""
    context = ModuleContext(bound_in(body).imports, set())
    constant_false = any(
        isinstance(s, ast.Assign)
        and isinstance(s.value, ast.Constant)
        and s.value.value is False
        and [t.id for t in s.targets if isinstance(t, ast.Name)] == ["TYPE_CHECKING"]
        for s in body
    )
    for statement in body:
        if isinstance(statement, ast.If) and (
            _is_main(statement.test) or _is_type_checking(statement.test, context, constant_false)
        ):
            yield from executed(statement.orelse)
        else:
            yield statement


def _is_main(test: ast.expr) -> bool:
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = (test.left, test.comparators[0])
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    texts = [side.value for side in sides if isinstance(side, ast.Constant)]
    return names == ["__name__"] and texts == ["__main__"]


def _is_type_checking(test: ast.expr, context: ModuleContext, constant_false: bool) -> bool:
    if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING" and constant_false:
        return True
    chain = test.id if isinstance(test, ast.Name) else ""
    if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name):
        chain = f"{test.value.id}.{test.attr}"
    meanings = context.dotted(chain) if chain else ()
    return bool(meanings) and all(m in ("typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING") for m in meanings)
