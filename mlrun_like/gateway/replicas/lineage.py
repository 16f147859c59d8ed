"""The zygotes of one environment, one after the other: the newest forks, older ones wait to end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.configuration import environment_copy
from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.gateway.deployment import Version
from mlrun_like.gateway.replicas.dispatching import Backoff
from mlrun_like.gateway.replicas.workers import Worker
from mlrun_like.gateway.replicas.zygotes import Zygote
from mlrun_like.runtimes.preload import FORK_UNSAFE, imported_packages, modules_to_preload
from mlrun_like.runtimes.processes import PACKAGE_ROOT
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Lineage", "Place", "place_of"]

_READ_AT_IMPORT = ("PYTHON", "LD_", "DYLD_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "CUDA_")
"""Variables with these prefixes matter when packages are imported, before a worker sets its own."""
_TOGETHER = 0.02
"""Seconds in which further functions may bring imports before a zygote is started for all."""
_LONGEST = 300.0
_SETTLED = 10.0
_NAME = re.compile(r"[A-Za-z_]\w*")
_log = logging.getLogger("mlrun_like.gateway")


class Place(NamedTuple):
    """What makes two functions need two zygotes.

    Args:
        python: The interpreter.
        env: Variables that are read when packages are imported.
        alone: Whether nothing is imported beforehand, since it would not survive a fork.
    """

    python: str
    env: tuple[tuple[str, str], ...] = ()
    alone: bool = False


def place_of(version: Version, python: str) -> tuple[Place, tuple[str, ...], tuple[str, ...]]:
    """Where a version's workers are forked, what is imported for it, and notes for `ps`.

    Args:
        version: Which.
        python: Its interpreter.
    """
    given = version.options.env.items()
    env = tuple(sorted(pair for pair in given if pair[0].startswith(_READ_AT_IMPORT)))
    try:
        doc = FunctionDoc.from_dict(version.document)
    except MLRunLikeError:
        return Place(python, env), (), ()  # the worker says what is wrong
    named = imported_packages(doc)
    unsafe = sorted(named & FORK_UNSAFE)
    if unsafe:
        note = f"nothing is imported beforehand: {', '.join(unsafe)} would not survive a fork"
        return Place(python, env, True), (), (note,)
    if python == sys.executable:
        return Place(python, env), modules_to_preload(doc), ()
    # its packages are elsewhere: which of them can be imported shows when they are
    local = {path.split("/")[0].removesuffix(".py") for path in doc.spec.build.modules}
    names = (name for name in named - local if _NAME.fullmatch(name))
    return Place(python, env), tuple(sorted(n for n in names if _in_site(python, n))), ()


def _in_site(python: str, name: str) -> bool:
    for site in Path(python).parent.parent.glob("lib/python*/site-packages"):
        if (site / name).is_dir() or (site / f"{name}.py").is_file():
            return True
        if any(site.glob(f"{name}.*.so")):
            return True
    return False


class Lineage:
    """The zygotes of one environment.

    Args:
        place: What they are for.
        home: The gateway's folder.
        on_started: Called with a worker whose process id is known now.
    """

    def __init__(self, place: Place, home: Path, on_started: Callable[[Worker], None]) -> None:
        self.place = place
        self.current: Zygote | None = None
        self.closed = False
        self._home, self._on_started = home, on_started
        self._wanted: dict[Any, tuple[str, ...]] = {}
        self._older: list[Zygote] = []
        self._backoff = Backoff()
        self._bare = ""
        """Why nothing is imported beforehand."""
        self._task: asyncio.Task[None] | None = None

    def join(self, who: Any, modules: Iterable[str]) -> None:
        """Import these for `who`, too; in the background if there is a zygote already."""
        self._wanted[who] = tuple(modules)
        if not self._covered():
            self._renew()

    def leave(self, who: Any) -> bool:
        """`who` needs its imports no more; True if nobody needs this environment."""
        self._wanted.pop(who, None)
        if self._wanted:
            return False
        self.closed = True
        if self._task is not None:
            self._task.cancel()
        if self.current is not None:
            self.current.retire()
        return True

    async def ready(self) -> Zygote:
        """The zygote, when all that is wanted is imported.

        Raises:
            EngineError: if it cannot be started.
        """
        while not self._covered():
            self._renew()
            if self._task is None:
                raise EngineError("the gateway ends, so no worker is started")
            await asyncio.wait([self._task])
            if not self._covered() and self._backoff.failures:
                raise EngineError(
                    f"no process to fork workers from could be started: {self._backoff.error}",
                    where=self.place.python,
                )
        assert self.current is not None
        return self.current

    def rows(self) -> list[dict[str, Any]]:
        """Each zygote, for `ps`."""
        mark = hashlib.sha256(repr(self.place).encode()).hexdigest()[:8]
        more = [self._bare] if self._bare else []
        return [
            {
                "environment": mark,
                "pid": zygote.pid,
                "python": self.place.python,
                "modules": list(zygote.modules),
                "seconds": zygote.seconds,
                "failed": zygote.failed,
                "notes": [*zygote.notes, *more],
                "rss": _resident(zygote.pid),
                "workers": len(zygote.workers),
                "state": "retiring" if zygote.retiring else "ready",
            }
            for zygote in [*([self.current] if self.current else []), *self._older]
        ]

    async def close(self) -> None:
        """End all zygotes, with their workers."""
        self.closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for zygote in [*self._older, *([self.current] if self.current else [])]:
            zygote.close()

    def _modules(self) -> tuple[str, ...]:
        if self._bare or self.place.alone:
            return ()
        return tuple(sorted({name for names in self._wanted.values() for name in names}))

    def _covered(self) -> bool:
        zygote = self.current
        return (
            zygote is not None and not zygote.closed and set(self._modules()) <= set(zygote.modules)
        )

    def _renew(self) -> None:
        if not self.closed and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif self.closed:
            self._task = None

    async def _run(self) -> None:
        """Start a zygote that has all; one try."""
        await asyncio.sleep(max(self._backoff.left(time.monotonic()), _TOGETHER))
        if self._covered():
            return
        own = self.place.python != sys.executable
        zygote: Zygote | None = None
        try:
            zygote = self._made(own)
            await zygote.start()
            await asyncio.wait_for(asyncio.shield(zygote.ready), _LONGEST)
        except (EngineError, asyncio.TimeoutError, OSError) as exc:
            late = f"it was not ready within {_LONGEST:g} s"
            why = late if isinstance(exc, asyncio.TimeoutError) else str(exc)
            if zygote is None:  # a disk or a table of files that is full
                self._backoff.failed(why, time.monotonic())
                return
            why = zygote.why or why
            zygote.kill(why)
            self._failed(zygote, why)
            return
        except asyncio.CancelledError:
            if zygote is not None:
                zygote.close()
            raise
        old, self.current = self.current, zygote
        self._backoff.worked()
        if old is not None and not old.closed:
            self._older.append(old)
            old.retire()

    def _made(self, own: bool) -> Zygote:
        return Zygote(
            self.place.python,
            self._modules(),
            _environment(dict(self.place.env), without_path=own),
            self._home,
            # the folder it starts in is searched first: not ours, if its packages are its own
            str(self._home) if own else PACKAGE_ROOT,
            self._on_started,
            self._gone,
        )

    def _failed(self, zygote: Zygote, why: str) -> None:
        _log.warning("a zygote of %s did not start: %s", self.place.python, why)
        if zygote.modules and not self._bare:
            self._bare = f"nothing is imported beforehand, since that failed: {why}"
            return  # whoever waits tries again without
        self._backoff.failed(why, time.monotonic())

    def _gone(self, zygote: Zygote) -> None:
        with contextlib.suppress(ValueError):
            self._older.remove(zygote)
        if zygote is not self.current:
            return
        self.current = None
        if self.closed:
            return
        now = time.monotonic()
        _log.warning("the zygote %d of %s ended: %s", zygote.pid, self.place.python, zygote.why)
        if now - zygote.born < _SETTLED:
            self._backoff.failed(zygote.why, now)
        self._renew()


def _environment(own: Mapping[str, str], *, without_path: bool) -> dict[str, str]:
    env = {**environment_copy(), **own}
    # with it a function could deploy others; what was in a process stays readable in its /proc
    env.pop("MLRUN_LIKE_GATEWAY_ADMIN_TOKEN", None)
    if without_path and "PYTHONPATH" not in own:
        env.pop("PYTHONPATH", None)
    return env


def _resident(pid: int) -> int:
    if pid:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0
