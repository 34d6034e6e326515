"""Tiphys: pipelines in plain Python that run on one machine and, unchanged, on a cluster.

The public names, imported when they are first used: `import tiphys` itself costs nothing.
"""

TYPE_CHECKING = False  # not from `typing`, whose import would cost more than all else here; checkers go by the name

if TYPE_CHECKING:
    from tiphys.cluster.artifact import Artifact, File, Folder, Model, Table, column
    from tiphys.cluster.errors import TiphysError
    from tiphys.cluster.resources import Cpus, Gpus
    from tiphys.workflows.authoring.combinators import branch, each, unless, when
    from tiphys.workflows.authoring.container import container
    from tiphys.workflows.authoring.pipeline import pipeline
    from tiphys.workflows.authoring.step import step

__all__ = [
    "Artifact",
    "Cpus",
    "File",
    "Folder",
    "Gpus",
    "Model",
    "Table",
    "TiphysError",
    "branch",
    "column",
    "container",
    "each",
    "pipeline",
    "step",
    "unless",
    "when",
]

_HOMES = {
    "cluster.artifact": ("Artifact", "File", "Folder", "Model", "Table", "column"),
    "cluster.errors": ("TiphysError",),
    "cluster.resources": ("Cpus", "Gpus"),
    "workflows.authoring.combinators": ("branch", "each", "unless", "when"),
    "workflows.authoring.container": ("container",),
    "workflows.authoring.pipeline": ("pipeline",),
    "workflows.authoring.step": ("step",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'tiphys' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"tiphys.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
