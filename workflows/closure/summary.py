"""From the bytes of a file to its summary (`facts.ModuleFacts`): one unit a top-level statement.

Imports give one unit an alias. A compound statement is one unit for all the names it binds. Left out: the body of
`if TYPE_CHECKING:` and of `if __name__ == "__main__":`, which no worker executes (their `else` is kept).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from blake3 import blake3

from tiphys.cluster.errors import InputError
from tiphys.workflows.closure import literals
from tiphys.workflows.closure.canonical import digest_of, docstring, meaningful, text_digest
from tiphys.workflows.closure.context import ModuleContext
from tiphys.workflows.closure.facts import UNKNOWN, Kind, ModuleFacts, Part, UnitFacts
from tiphys.workflows.closure.names import Names
from tiphys.workflows.closure.scopes import FUNCTIONS, Bound, Function, Scope, aliases_of, bound_in
from tiphys.workflows.closure.source import executed, parse

_UNCHANGING = frozenset(
    {
        "re.compile", "logging.getLogger", "typing.TypeVar", "typing.NewType", "typing.ParamSpec", "object",
        "frozenset", "typing_extensions.TypeVar", "datetime.timedelta", "datetime.date", "decimal.Decimal",
        "dataclasses.field", "enum.auto", "property", "staticmethod", "classmethod",
    }
)  # fmt: skip
_DECORATORS = frozenset({"decorator_list"})
_HEAD = frozenset({"decorator_list", "body"})


def summarize(source: bytes, shown: str) -> ModuleFacts:
    """The summary of a file. `shown` is its name in messages. `InputError` when this Python cannot parse it."""
    tree = parse(source, shown)
    body = list(executed(tree.body))
    bound = bound_in(body)
    context = ModuleContext(bound.imports, bound.names)
    text = docstring(tree)
    module = ModuleFacts(blake3(source).hexdigest(), docs="" if text is None else text_digest(text))
    scope = Scope("module", Bound())
    try:
        for statement in meaningful(body):
            module.units.extend(_units(statement, context, scope))
    except RecursionError:  # deeply nested functions or patterns: only the syntax tree itself is walked by a stack
        raise InputError(
            f"cannot analyse {shown}: it is nested too deeply", fix="split its longest expression or function"
        ) from None
    kinds = {kind for unit in module.units for part in unit.parts() for kind, _, _ in part.weak}
    module.dynamic = bool(kinds & {"exec", "globals", "replace", "self"})
    module.replaced = "replace" in kinds
    module.exported = _exported(body)
    return module


def _exported(body: list[ast.stmt]) -> list[str] | None:
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as value):
                return [e.value for e in value.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    return None


def _units(statement: ast.stmt, context: ModuleContext, scope: Scope) -> Iterator[UnitFacts]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        yield from _import_units(statement)
    elif isinstance(statement, FUNCTIONS):
        yield _function_unit(statement, context, scope)
    elif isinstance(statement, ast.ClassDef):
        yield _class_unit(statement, context, scope)
    else:
        yield _statement_unit(statement, context, scope)


def _lines(statement: ast.stmt) -> tuple[int, int]:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    return first, statement.end_lineno or statement.lineno


def _import_units(statement: ast.Import | ast.ImportFrom) -> Iterator[UnitFacts]:
    first, last = _lines(statement)
    for alias in statement.names:
        single: ast.Import | ast.ImportFrom
        part = Part()
        if isinstance(statement, ast.Import):
            single = ast.Import([alias])
            part.imports.append((0, alias.name, ()))
        else:
            single = ast.ImportFrom(statement.module, [alias], statement.level)
            part.imports.append((statement.level, statement.module or "", (alias.name,)))
        part.digest = digest_of([single])[0]
        bound = dict(aliases_of(single))
        unit = UnitFacts("import", list(bound), first, last, part)
        unit.aliases = {name: [target] for name, target in bound.items()}
        if alias.name == "*" and isinstance(statement, ast.ImportFrom):
            unit.star = (statement.level, statement.module or "")
        yield unit


def _decorators(node: Function | ast.ClassDef, context: ModuleContext, scope: Scope) -> list[tuple[str, Part]]:
    found = []
    for decorator in node.decorator_list:
        names = Names(context, Part(digest_of([decorator])[0]))
        names.decorator(decorator, scope)
        names.walk([decorator], scope)
        callee = decorator.func if isinstance(decorator, ast.Call) else decorator
        chains = names.chains(callee, scope) or names.access(callee, scope) or [UNKNOWN]
        found.append((chains[0], names.finish()))
    return found


def _function_unit(node: Function, context: ModuleContext, scope: Scope) -> UnitFacts:
    first, last = _lines(node)
    unit = UnitFacts("def", [node.name], first, last, Part())
    defaults = [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
    unit.state = not all(_is_constant(d, context) for d in defaults)
    body = Names(context, Part())
    if node.decorator_list:
        unit.decorators = _decorators(node, context, scope)
        head = Names(context, Part(digest_of([node], _HEAD)[0]))
        for item, where, annotated in head.header(node, scope):
            head.walk([item], where, annotation=annotated)
        unit.head = head.finish()
        body.part.digest = digest_of(meaningful(node.body))[0]
        unit.docs = digest_of([node], _DECORATORS)[1]
        for item, where, annotated in body.body(node, scope):
            body.walk([item], where, annotation=annotated)
    else:
        body.part.digest, unit.docs = digest_of([node])
        body.walk([node], scope)
    unit.body = body.finish()
    unit.names += sorted(body.binds - {node.name})
    unit.aliases = body.aliases
    return unit


def _class_unit(node: ast.ClassDef, context: ModuleContext, scope: Scope) -> UnitFacts:
    first, last = _lines(node)
    names = Names(context, Part())
    names.part.digest, docs = digest_of([node], _DECORATORS)
    for item, where, annotated in names.class_inside(node, scope):
        names.walk([item], where, annotation=annotated)
    unit = UnitFacts("class", [node.name, *sorted(names.binds - {node.name})], first, last, names.finish(), docs=docs)
    unit.aliases = names.aliases
    unit.decorators = _decorators(node, context, scope)
    unit.keywords = bool(node.keywords)
    for base in node.bases:
        inner = base.value if isinstance(base, ast.Subscript) else base  # `Generic[T]`
        unit.bases += names.chains(inner, scope) or [UNKNOWN]
    unit.hooks_subclasses = any(
        isinstance(s, ast.FunctionDef) and s.name in ("__init_subclass__", "__class_getitem__") for s in node.body
    )
    unit.state = names.changes_class or not all(_keeps(s, context) for s in node.body)
    return unit


def _keeps(statement: ast.stmt, context: ModuleContext) -> bool:
    """Whether a statement of a class body leaves no object that can change."""
    match statement:
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _is_constant(value, context)
        case ast.AnnAssign() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Pass():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
    return False


def _statement_unit(statement: ast.stmt, context: ModuleContext, scope: Scope) -> UnitFacts:
    first, last = _lines(statement)
    bound = bound_in([statement])
    names = Names(context, Part())
    names.part.digest, docs = digest_of([statement])
    kind, value = _assignment(statement, context)
    unit = UnitFacts(kind, [], first, last, names.part, docs=docs)
    if value is not None and len(bound.names) == 1:
        folded = literals.fold(value, scope, names)
        if folded is not None:
            names.fold_silently(value)
            unit.values = dict.fromkeys(bound.names, folded)
    names.walk([statement], scope)
    names.finish()
    unit.aliases = names.aliases | {name: list(dict.fromkeys(targets)) for name, targets in bound.imports.items()}
    is_declaration = isinstance(statement, ast.AnnAssign) and statement.value is None
    unit.names = sorted((set() if is_declaration else bound.names) | names.binds)
    unit.state = kind == "var" or (kind == "stmt" and _binds_objects(bound, context))
    if unit.state:
        held = Names(context, Part())
        held.walk(_given(statement), scope)
        unit.held = held.finish().now
    return unit


def _given(statement: ast.stmt) -> Iterator[ast.expr]:
    """What the variables of a statement are given: assigned values, what loops run over, what `with` enters."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            yield node.value
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            yield node.iter
        elif isinstance(node, ast.withitem):
            yield node.context_expr


def _assignment(statement: ast.stmt, context: ModuleContext) -> tuple[Kind, ast.expr | None]:
    """What kind a statement is, and the assigned value. By target before value: `X.a = 1` is a store, no constant."""
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, value = [statement.target], statement.value
    elif type(statement).__name__ == "TypeAlias":
        return "const", None
    else:
        return "stmt", None
    if not all(isinstance(t, ast.Name) or _is_name_tuple(t) for t in targets):
        return "stmt", None
    return ("const" if _is_constant(value, context) else "var"), value


def _is_name_tuple(target: ast.expr) -> bool:
    return isinstance(target, ast.Tuple | ast.List) and all(isinstance(e, ast.Name) for e in target.elts)


def _binds_objects(bound: Bound, context: ModuleContext) -> bool:
    """Whether a compound statement binds more than imports and constants."""
    return any(
        value is None or not _is_constant(value, context) for values in bound.values.values() for value in values
    )


def _is_constant(value: ast.expr, context: ModuleContext) -> bool:
    """Whether the value cannot change after it was made."""
    if isinstance(value, ast.Constant | ast.Lambda):
        return True
    if isinstance(value, ast.Tuple):
        return all(_is_constant(e, context) for e in value.elts)
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.operand, ast.Constant)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
        chain = ast.unparse(value.func)
        known = any(text in _UNCHANGING or text.startswith("tiphys.") for text in context.dotted(chain))
        arguments = [*value.args, *(k.value for k in value.keywords)]
        return known and all(isinstance(a, ast.Name) or _is_constant(a, context) for a in arguments)
    return False
