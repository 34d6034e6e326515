"""The environments of one project: each is loaded when a step first needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.component import component
from tiphys.workflows.environment.import_names import SHIPPED
from tiphys.workflows.environment.locks import load_environment
from tiphys.workflows.environment.model import Environment, EnvironmentComponent, ImportTable
from tiphys.workflows.environment.platforms import running_python
from tiphys.workflows.setting_kinds import EnvironmentSettings
from tiphys.workflows.settings import Config, close_match

if TYPE_CHECKING:
    from tiphys.workflows.environment.drift import Drift

_DEFAULT = "default"


class Environments:
    """Environments by name (None: the default one), remembered in a folder below `cache`."""

    def __init__(self, root: Path, config: Config, cache: Path | None) -> None:
        self._root = root
        self._settings: Mapping[str, EnvironmentSettings] = config.environments
        self._table = ImportTable(config.imports, SHIPPED)
        self._cache = None if cache is None else cache / "environments"
        self._loaded: dict[str, Environment] = {}
        self._components: dict[tuple[str, frozenset[str]], EnvironmentComponent] = {}
        self._installed: Mapping[str, str] | None = None

    def environment(self, name: str | None) -> Environment:
        """An environment by name. `InputError` when the project does not define it, or its lock cannot be used."""
        name = name or _DEFAULT
        if name not in self._loaded:
            if name != _DEFAULT and name not in self._settings:
                raise InputError(
                    f"environment {name!r} is not in [tool.tiphys.environments]",
                    fix=close_match(name, {_DEFAULT, *self._settings}),
                )
            settings = self._settings.get(name, EnvironmentSettings())
            self._loaded[name] = load_environment(settings, self._root, name, self._cache)
        return self._loaded[name]

    def component(self, name: str | None, imports: frozenset[str]) -> EnvironmentComponent:
        """What a step whose closure has these imports depends on."""
        asked = (name or _DEFAULT, imports)
        if asked not in self._components:
            self._components[asked] = component(self.environment(name), imports, self._table)
        return self._components[asked]

    def drift(self, name: str | None, wanted: Iterable[str]) -> tuple[Drift, ...]:
        """Differences between an environment and this interpreter for `wanted` (names of components' versions)."""
        environment = self.environment(name)
        if not environment.locked:
            return ()
        # Only a run that starts something looks at the interpreter.
        from tiphys.workflows.environment.drift import drift
        from tiphys.workflows.environment.installed import installed_versions

        if self._installed is None:
            self._installed = installed_versions(self._cache)
        return drift(environment, self._installed, wanted, python=running_python())

    def refuse_drift(self, name: str | None, wanted: Iterable[str], *, allow: bool = False) -> str:
        """`InputError` when this interpreter differs from the lock; with `allow`, the sentence to record ("": none)."""
        found = self.drift(name, wanted)
        if not found:
            return ""
        from tiphys.workflows.environment.drift import drift_error, drift_sentence

        if not allow:
            raise drift_error(self.environment(name), found)
        return drift_sentence(self.environment(name), found)
