"""Refuses to build where the four links of `tiphys/` are not folders: the package would be empty without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINKS = ("workflows", "ray_jobs", "serving", "cluster")


class LinksAreFolders(BuildHookInterface):  # type: ignore[type-arg]
    """Git writes a link as a text file where the file system or `core.symlinks` forbids links."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build."""
        for name in LINKS:
            if not (Path(self.root) / "tiphys" / name / "__init__.py").is_file():
                raise RuntimeError(
                    f"tiphys/{name} is not a link to the folder {name}/: "
                    "check out with `git -c core.symlinks=true clone …` on a file system that has links"
                )
