"""Which worker runs which files, and in which order: what takes long begins first.

The plugin's own order is by the number of tests in a file. The longest files have one or two (a
guide that is run, the whole README), so it begins them last, and at the end one worker is busy for
minutes while the others have nothing to do.
"""

# mypy: disable-error-code="import-untyped,misc"
from __future__ import annotations

import math
from typing import Any

from xdist.scheduler import LoadFileScheduling

__all__ = ["LongestFirst", "order"]

LONG = (
    "tests/architecture/test_tools.py",
    "tests/contract/",
    "tests/docs/",
    "tests/marketplace/test_shipped.py",
    "tests/runtimes/spark/",
    "tests/runtimes/kubernetes/",
    "tests/e2e/",
    "tests/images/",
    "tests/pipelines/exports/",
    "tests/api/pages/",
    "tests/api/process/",
    "tests/runtimes/",
    "tests/architecture/",
    "tests/feature_store/",
    "tests/frameworks/",
    "tests/gateway/",
    "tests/api/",
    "tests/cli/",
    "tests/runs/",
    "tests/serving/queues/",
    "tests/tracking/",
    "tests/monitoring/",
)
"""Folders and files by how long one of their files takes, the longest first. What is not named is
short: it fills the gaps at the end. Each file runs, whether it is named here or not."""


def order(files: dict[str, int]) -> list[str]:
    """Files in the order in which they begin.

    Args:
        files: Each with the number of its tests.

    >>> order({"mlrun_like/dag.py": 3, "tests/test_dag.py": 9, "tests/docs/test_readme.py": 1})
    ['tests/docs/test_readme.py', 'tests/test_dag.py', 'mlrun_like/dag.py']
    """

    def key(file: str) -> tuple[float, int]:
        place = next((n for n, start in enumerate(LONG) if file.startswith(start)), math.inf)
        return place, -files[file]

    return sorted(files, key=key)


class LongestFirst(LoadFileScheduling):
    """`--dist loadfile` in our order, with as little as possible waiting behind a running test.

    A test that kills its worker fails, or is tried again if the run does so; the plugin's class
    would give it to the next worker, and that to the next, until none is left.
    """

    def schedule(self) -> None:
        """Begin, or go on with a worker that was added."""
        if self.collection is None:
            counts: dict[str, int] = {}
            for nodeid in next(iter(self.registered_collections.values())):
                file = self._split_scope(nodeid)
                counts[file] = counts.get(file, 0) + 1
            self._place = {file: n for n, file in enumerate(order(counts))}
        super().schedule()

    def remove_node(self, node: Any) -> str | None:
        """Take the work of a worker back that ended; gives the test that ended it, if any."""
        units = self.assigned_work.pop(node)
        left: list[tuple[dict[str, bool], str]]
        left = [(unit, nodeid) for unit in units.values() for nodeid in unit if not unit[nodeid]]
        if not left:
            return None
        unit, crashed = left[0]
        unit[crashed] = True
        self._put_back(units)
        return crashed

    def mark_test_pending(self, item: str) -> None:
        """Try a test again that ended its worker."""
        self._put_back({self._split_scope(item): {item: False}})

    def _put_back(self, units: dict[str, dict[str, bool]]) -> None:
        for file, unit in units.items():
            again = {nodeid: done for nodeid, done in unit.items() if not done}
            if again:
                self.workqueue[file] = {**again, **self.workqueue.get(file, {})}
        for node in self.assigned_work:
            self._reschedule(node)

    def _assign_work_unit(self, node: Any) -> None:
        first = min(self.workqueue, key=self._place.__getitem__)
        self.workqueue.move_to_end(first, last=False)
        had = self.assigned_work.get(node, {}).get(first, {})
        super()._assign_work_unit(node)
        self.assigned_work[node][first] = {**had, **self.assigned_work[node][first]}

    def _reschedule(self, node: Any) -> None:
        # A worker that replaces a crashed one is known before it has collected its tests.
        if node not in self.registered_collections:
            return
        if node.shutting_down or not self.workqueue:
            super()._reschedule(node)
            return
        # One test that runs and one that follows: a worker begins a test when it knows the next.
        while self.workqueue and self._pending_of(self.assigned_work[node]) < 2:
            self._assign_work_unit(node)
