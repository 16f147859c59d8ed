"""Listeners of live updates: how soon each hears of a change, and what they cost.

    python bench/service/live.py [--listeners 200] [--changes 100] [--store URL]

Expected before measuring: a change is seen at the next look (each 0.5 s: 0.25 s on average) and
told to 200 listeners in a few milliseconds; a listener costs some kilobytes. One of them never
reads: its queue must stay at its bound.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator

from mlrun_like.api.http.streams import Event
from mlrun_like.api.live.hub import Listener, LiveHub
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.store import SqlStore

__all__ = ["main"]


async def hear(events: AsyncIterator[Event], wanted: int, delays: list[float]) -> None:
    """Note how late each change is."""
    seen: set[str] = set()
    async for event in events:
        if event.kind == "run" and event.data["uid"] not in seen:
            seen.add(event.data["uid"])
            delays.append(time.time() - float(event.data["updated"]))
        if len(seen) == wanted:
            return


async def measure(store: SqlStore, listeners: int, changes: int) -> None:
    """Listen, change, tell."""
    hub = LiveHub(store)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asleep = Listener(lambda change: True, frozenset())
    sleeping = hub.listen(asleep)
    await anext(sleeping)
    delays: list[float] = []
    streams = [hub.listen(Listener(lambda change: True, frozenset())) for _ in range(listeners)]
    tasks = [asyncio.create_task(hear(stream, changes, delays)) for stream in streams]
    await asyncio.sleep(2)
    work = time.process_time()

    def change() -> None:
        for number in range(changes):
            meta = {"project": "p", "uid": f"u{number}", "name": "train"}
            store.store_run({"metadata": meta, "status": {"state": "running"}})
            time.sleep(0.05)

    await asyncio.to_thread(change)
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    work = time.process_time() - work
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    delays.sort()
    sys.stdout.write(
        f"{listeners} listeners x {changes} changes: median {statistics.median(delays) * 1e3:.0f} "
        f"ms, p99 {delays[int(len(delays) * 0.99)] * 1e3:.0f} ms, work {work:.2f} s, memory "
        f"{(after - before) / 1024:+.1f} MiB, the one that sleeps holds {len(asleep)} events\n"
    )
    for stream in [sleeping, *streams]:
        await stream.aclose()  # type: ignore[attr-defined]


def main() -> int:
    """Measure with the options given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--store", default="")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="live")
    os.environ.setdefault("MLRUN_LIKE_HOME", folder)
    store = open_store(options.store or f"sqlite:///{folder}/store.db")
    assert isinstance(store, SqlStore)
    asyncio.run(measure(store, options.listeners, options.changes))
    close_stores()
    return 0


if __name__ == "__main__":
    sys.exit(main())
