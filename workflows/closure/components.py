"""Bit sets over everything reachable in a graph with circles, each computed once.

Tarjan's strongly connected components (1972), without recursion: all nodes of a component reach the same, so they share
one set; a finished component adds the sets of those it leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

N = TypeVar("N")


class Components(Generic[N]):
    """`edges` leads from a node to others, `own` is the node's own bit set.

    `extra`: what a node adds when the union over all that it leads to is known.
    """

    def __init__(
        self, edges: Callable[[N], Iterator[N]], own: Callable[[N], int], extra: Callable[[N, int], int]
    ) -> None:
        self._edges = edges
        self._own = own
        self._extra = extra
        self._bits: dict[N, int] = {}  # finished nodes
        self._index: dict[N, int] = {}
        self._low: dict[N, int] = {}
        self._open: list[N] = []  # nodes of components that are not finished
        self._gathered: dict[N, int] = {}

    def bits(self, node: N) -> int:
        """The union of `own` over the node and all that it leads to."""
        if node not in self._bits:
            self._search(node)
        return self._bits[node]

    def _search(self, start: N) -> None:
        work = [(start, self._enter(start))]
        while work:
            node, targets = work[-1]
            for target in targets:
                if target in self._bits:
                    self._gathered[node] |= self._bits[target]
                elif target in self._index:
                    self._low[node] = min(self._low[node], self._index[target])
                else:
                    work.append((target, self._enter(target)))
                    break
            else:
                work.pop()
                self._leave(node)
                if work:
                    self._pass_up(node, work[-1][0])

    def _enter(self, node: N) -> Iterator[N]:
        self._index[node] = self._low[node] = len(self._index)
        self._gathered[node] = self._own(node)
        self._open.append(node)
        return iter(list(self._edges(node)))

    def _leave(self, node: N) -> None:
        """Close the component when the node is its root."""
        if self._low[node] != self._index[node]:
            return
        position = self._open.index(node)
        members = self._open[position:]
        del self._open[position:]
        bits = 0
        for member in members:
            bits |= self._gathered.pop(member)
        for member in members:
            bits |= self._extra(member, bits)
        for member in members:
            self._bits[member] = bits

    def _pass_up(self, node: N, parent: N) -> None:
        self._low[parent] = min(self._low[parent], self._low[node])
        if node in self._bits:
            self._gathered[parent] |= self._bits[node]
