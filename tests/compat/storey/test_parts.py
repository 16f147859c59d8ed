"""What storey has beside flows: queues, helpers, stored windows, tables."""

# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import asyncio
import datetime
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.compat.known import known_modules
from mlrun_like.compat.table import Missing, row_of
from mlrun_like.configuration import config
from mlrun_like.errors import StoreUnavailableError


def test_every_public_name_is_there_or_explained(compat: ModuleType) -> None:
    for module, names in known_modules("storey").items():
        for name in names:
            row = row_of(module, name)
            assert row is not None, f"{module}.{name}"
            if isinstance(row, Missing):
                assert row.purpose
            else:
                getattr(importlib.import_module(module), name)


def test_queues_serve_in_turn(compat: ModuleType) -> None:
    from storey.queue import AsyncQueue, SimpleAsyncQueue

    async def main() -> list[Any]:
        queue = SimpleAsyncQueue(1)
        with pytest.raises(TimeoutError, match="timed out"):
            await queue.get(0)
        await queue.put("a")
        waiting = asyncio.create_task(queue.put("b"))
        await asyncio.sleep(0)
        found = [waiting.done(), await queue.get()]
        await waiting
        found += [await queue.get(1), queue.empty()]
        peeked: Any = AsyncQueue()
        with pytest.raises(asyncio.QueueEmpty):
            peeked.peek_nowait()
        looking = asyncio.create_task(peeked.peek())
        await asyncio.sleep(0)
        await peeked.put("c")
        return [*found, await looking, await peeked.get()]

    assert asyncio.run(main()) == [False, "a", "b", True, "c", "c"]


def test_paths_and_urls(compat: ModuleType) -> None:
    from storey.utils import get_in, get_remaining_path, update_in, url_to_file_system

    assert get_in({"a": {}}, "a.b", 5) == 5
    body: dict[str, Any] = {"a": None}
    update_in(body, ["a", "b"], 1)
    assert body == {"a": {"b": 1}}
    assert get_remaining_path("plain/x.csv") == ("", "plain/x.csv")
    assert url_to_file_system("ds://:file@name/p/x.csv", "")[1] == "/p/x.csv"
    with pytest.raises(ValueError, match="embedded as password"):
        url_to_file_system("ds://name/p", "")


def test_events_through_streams(compat: ModuleType) -> None:
    import storey
    from storey.utils import unpack_event_if_wrapped, wrap_event_for_serialization

    moment = datetime.datetime(2024, 1, 1)
    wrapped = wrap_event_for_serialization(storey.Event("b", key=moment, id="i"), "b")
    found = unpack_event_if_wrapped(storey.Event(wrapped))
    assert (found.body, found.key, found.id) == ("b", moment.isoformat(), "i")


def test_partitions_of_folders(compat: ModuleType, tmp_path: Path) -> None:
    from fsspec.implementations.local import LocalFileSystem
    from storey.utils import find_filters, find_partitions

    inside = tmp_path / "_old" / "x=1"
    inside.mkdir(parents=True)
    folder = tmp_path / "month=2" / "year=2024" / "name=a"
    folder.mkdir(parents=True)
    (folder / "1.parquet").write_bytes(b"")
    times, names = find_partitions(str(tmp_path), LocalFileSystem())
    assert (times, names) == (["year", "month"], ["month", "year", "name"])
    filters: list[Any] = []
    first, last = datetime.datetime(2024, 1, 5), datetime.datetime(2024, 3, 5)
    find_filters(times, first, last, filters, "at")
    assert filters == [
        [
            ("year", "=", 2024),
            ("month", ">=", 1),
            ("month", "<=", 3),
            ("at", ">", first),
            ("at", "<=", last),
        ]
    ]


def test_stored_windows(compat: ModuleType) -> None:
    from storey.dtypes import SlidingWindows
    from storey.table import ReadOnlyAggregationBuckets

    windows = SlidingWindows(["1h"], "15m")
    stored = {datetime.datetime.fromtimestamp(0, datetime.timezone.utc): [1, 2, 3, 4]}
    made = ReadOnlyAggregationBuckets(
        "n", "max", windows, None, 4_500_000, None, initial_data=stored
    )
    assert [bucket.value for bucket in made.buckets] == [3, 4, float("-inf"), float("-inf")]


def test_policies_as_data(compat: ModuleType) -> None:
    from storey.dtypes import EmitAfterMaxEvent, _dict_to_emit_policy

    made = _dict_to_emit_policy({"mode": "maxEvents", "maxEvents": 3})
    assert type(made) is EmitAfterMaxEvent
    with pytest.raises(TypeError, match="unsupported emit policy"):
        _dict_to_emit_policy({"mode": "never"})


def test_tables_of_the_platform_are_in_a_folder(compat: ModuleType, tmp_path: Path) -> None:
    import storey

    with pytest.raises(ValueError, match="Missing webapi"):
        storey.V3ioDriver()
    absent = storey.Table("users", storey.V3ioDriver("host", "key"))
    with pytest.raises(StoreUnavailableError, match="MLRUN_LIKE_V3IO_ROOT"):
        absent["ann"]
    with config.override(v3io_root=str(tmp_path)):
        table = storey.Table("users", storey.V3ioDriver())
        table._update_static_attrs("ann", {"age": 31})
        table.flush()
        assert storey.Table("users", storey.V3ioDriver())["ann"] == {"age": 31}
        table.close()
