"""Amounts of hardware as values, for resources by profile: `{"local": Cpus(1), "cluster": Gpus(1, link="nvlink")}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError

if TYPE_CHECKING:
    from tiphys.cluster.store.records import Json

LINKS = ("nvlink",)


@dataclass(frozen=True, slots=True)
class Cpus:
    """`count` CPU cores (fractions allowed) and no GPU."""

    count: float

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int | float) or not 0 < self.count < 1e6:
            raise InputError(f"Cpus({self.count!r}): not a number of cores", fix="write a positive number: Cpus(2)")

    def to_json(self) -> Json:
        return {"cpu": self.count, "gpu": 0}


@dataclass(frozen=True, slots=True)
class Gpus:
    """`count` whole GPUs, connected by `link` ("nvlink") if that is asked for, of one `type` as nodes are labelled."""

    count: int
    link: str | None = None
    type: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise InputError(f"Gpus({self.count!r}): not a number of whole GPUs", fix="write a whole number: Gpus(1)")
        if self.link is not None and self.link not in LINKS:
            raise InputError(f"Gpus(link={self.link!r}): no such link", fix=f"links: {', '.join(LINKS)}")

    def to_json(self) -> Json:
        data: dict[str, Json] = {"gpu": self.count}
        if self.link is not None:
            data["link"] = self.link
        if self.type is not None:
            data["gpu_type"] = self.type
        return data
