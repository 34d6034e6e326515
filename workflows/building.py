"""Run as a program: imports a pipeline file in a clean process and builds its graph (`graphs` asks, in JSON).

The request comes on standard input, the answer goes to the descriptor named on the command line. Standard output is
the caller's standard error, so that prints of the user's module are seen and spoil nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tiphys.cluster.caller import at
from tiphys.cluster.errors import InputError, TiphysError

if TYPE_CHECKING:
    from tiphys.workflows.authoring.pipeline import Pipeline

    AnyPipeline = Pipeline[..., Any]


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    try:
        answer = _answer(request)
    except TiphysError as error:
        told = {"message": error.message, "fix": error.fix, "exit_code": error.exit_code}
        answer = {"error": told | {"trace": "".join(traceback.format_exception(error))}}
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as out:
        json.dump(answer, out, separators=(",", ":"))
    sys.stdout.flush()
    os._exit(0)  # the user's module may have left threads behind; the answer is out


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from tiphys.workflows.worker.watch_environment import EnvironmentReads

    started = time.monotonic()
    with EnvironmentReads(Path(request["root"])) as env:
        module = _load(request)
        if request["do"] == "list":
            return {"names": _pipelines(module)}
        pipeline: AnyPipeline = getattr(module, request["pipeline"])
        built = pipeline.build_observed(_parameters(pipeline, request))
    return {
        "graph": built.graph.to_json(),
        "reads": sorted({*(_recorded(path, request) for path in built.reads), *_other_modules(request)}),
        "folders": sorted(_recorded(path, request) for path in built.folders),
        "present": sorted(_recorded(path, request) for path in built.present),
        "links": {_recorded(path, request): target for path, target in built.links.items()},
        "env": sorted(env.names),
        "seconds": time.monotonic() - started,
    }


def _parameters(pipeline: AnyPipeline, request: dict[str, Any]) -> dict[str, object]:
    from tiphys.workflows.authoring.pipeline import bind_parameters, decode_parameters

    values = decode_parameters(pipeline, request["encoded"], root=Path(request["root"]))
    return values | bind_parameters(pipeline, request["texts"], given=values)


def _load(request: dict[str, Any]) -> ModuleType:
    """Import the user's module; what goes wrong there is told with the user's line, without our frames."""
    sys.path[:0] = request["search"]
    _forget_shadowed(request)
    file = os.path.relpath(request["file"])
    try:
        module = importlib.import_module(request["module"])
    except TiphysError:
        raise
    except BaseException as error:  # SystemExit of a script without a main guard is the user's mistake too
        raise InputError(
            f"{file} does not import: {_said(error, request['root'])}", fix=_import_fix(error, file)
        ) from error
    found = getattr(module, "__file__", None)
    if found is None or os.path.realpath(found) != os.path.realpath(request["file"]):
        raise InputError(
            f"{file} cannot be imported: its name means {found or 'a module inside of Python'}", fix="rename the file"
        )
    return module


def _forget_shadowed(request: dict[str, Any]) -> None:
    """A `queue.py` beside the pipeline shadows the library's, as in plain Python, although that is loaded already."""
    kept = {*sys.builtin_module_names, "tiphys", "__main__"}
    for folder in filter(os.path.isdir, request["search"]):
        for name in {entry.removesuffix(".py") for entry in os.listdir(folder)} & sys.modules.keys() - kept:
            spec = PathFinder.find_spec(name, [folder])
            if spec is not None and spec.origin and getattr(sys.modules[name], "__file__", None) != spec.origin:
                del sys.modules[name]


def _said(error: BaseException, root: str) -> str:
    """`FILE:LINE: TYPE: MESSAGE` and the text of the line, of the innermost frame that is the user's."""
    told = error.msg if isinstance(error, SyntaxError) else str(error)
    named = f"{type(error).__name__}: {told}" if told else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        place, text = at(error.filename, error.lineno), error.text or ""
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(root + os.sep)]
        if not frames:
            return named
        place, text = at(frames[-1].filename, frames[-1].lineno or 0), frames[-1].line or ""
    return f"{place}: {named}" + (f"\n    {text.strip()}" if text.strip() else "")


def _import_fix(error: BaseException, file: str) -> str:
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "tiphys":
        return "tiphys is this library and has no such name; a package or file of your own must not be called tiphys"
    if isinstance(error, ModuleNotFoundError):
        return f"install {error.name}, or add its folder to [tool.tiphys] path"
    if isinstance(error, SystemExit):
        return 'guard the script part with `if __name__ == "__main__":`'
    return f"correct the line; `python {file}` shows the same error"


def _pipelines(module: ModuleType) -> list[str]:
    from tiphys.workflows.authoring.pipeline import Pipeline

    found = [v for n, v in vars(module).items() if isinstance(v, Pipeline) and n == v.name]
    return [pipeline.name for pipeline in found if pipeline.module == module.__name__]


def _other_modules(request: dict[str, Any]) -> set[str]:
    """Files of first-party modules that were imported under computed names, and are not in the closure."""
    from tiphys.workflows.worker.places import places_for

    places = places_for(request["root"], request["search"])
    named = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    files = {os.path.abspath(file) for file in named if isinstance(file, str)}
    return {_recorded(file, request) for file in files if places.is_code(file)} - set(request["bundle"])


def _recorded(path: str, request: dict[str, Any]) -> str:
    relative = os.path.relpath(path, request["root"])
    return path if relative.startswith("..") else relative.replace(os.sep, "/")


if __name__ == "__main__":
    main()
