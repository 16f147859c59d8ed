from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.ending import Reduce
from mlrun_like.serving.steps.maps import Filter, FlatMap, Map
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.emit_sources import AsyncEmitSource, SyncEmitSource
from mlrun_like.serving.stream_flow.offsets import OffsetCommitter, QualifiedOffset

SHARDS = RECORDS = 10


class Platform:
    """What a function's server is to a source: it takes acknowledgements."""

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, Any], int] = {}
        self.came = threading.Event()

    async def explicit_ack(self, offset: QualifiedOffset) -> None:
        place = (offset.topic, offset.partition)
        assert self.offsets.get(place, 0) < offset.offset
        self.offsets[place] = offset.offset
        self.came.set()


def record(shard: int, offset: int) -> Event:
    event = Event(shard)
    event.shard_id, event.offset = shard, offset  # type: ignore[attr-defined]
    return event


def records() -> list[Event]:
    return [record(shard, n) for n in range(1, RECORDS + 1) for shard in range(SHARDS)]


def steps() -> list[Any]:
    return [
        Map(lambda x: x + 1),
        Filter(lambda x: x < 3),
        FlatMap(lambda x: [x, x * 10]),
        Reduce(0, lambda total, x: total + x),
    ]


ALL = {("/", shard): RECORDS for shard in range(SHARDS)}


def test_offsets_are_committed_at_the_end() -> None:
    platform = Platform()
    source = SyncEmitSource(context=SimpleNamespace(platform=platform), explicit_ack=True)
    controller = build_flow([source, *steps()]).run()
    for event in records():
        controller.emit(event)
    assert controller.terminate(wait=True) == 330
    assert platform.offsets == ALL


def test_offsets_are_committed_when_nothing_comes_for_a_while() -> None:
    platform = Platform()
    source = SyncEmitSource(
        context=SimpleNamespace(platform=platform), explicit_ack=True, max_wait_before_commit=0.05
    )
    controller = build_flow([source, *steps()]).run()
    for event in records():
        controller.emit(event)
    assert platform.came.wait(5)
    time.sleep(0.05)
    assert platform.offsets == ALL
    controller.terminate(wait=True)


def test_offsets_are_committed_after_so_many_events() -> None:
    platform = Platform()
    source = SyncEmitSource(
        context=SimpleNamespace(platform=platform), explicit_ack=True, max_events_before_commit=20
    )
    controller = build_flow([source, *steps()]).run()
    for event in records():
        controller.emit(event)
    # at the 21st, 42nd, 63rd and 84th event: what came before it
    assert platform.offsets == {("/", shard): 9 if shard < 3 else 8 for shard in range(SHARDS)}
    controller.terminate(wait=True)
    assert platform.offsets == ALL


@pytest.mark.parametrize("slow", [False, True])
def test_offsets_in_a_loop(slow: bool) -> None:
    async def wait(body: int) -> int:
        await asyncio.sleep(0)
        return body

    async def main() -> dict[Any, int]:
        platform = Platform()
        source = AsyncEmitSource(context=SimpleNamespace(platform=platform), explicit_ack=True)
        first = [Map(wait)] if slow else []
        controller = build_flow([source, *first, *steps()]).run()
        for event in records():
            await controller.emit(event)
        assert await controller.terminate(wait=True) == 330
        return platform.offsets

    assert asyncio.run(main()) == ALL


def test_offsets_of_a_flow_with_a_loop_of_its_own() -> None:
    async def wait(body: int) -> int:
        await asyncio.sleep(0)
        return body

    platform = Platform()
    source = SyncEmitSource(context=SimpleNamespace(platform=platform), explicit_ack=True)
    controller = build_flow([source, Map(wait), *steps()]).run()
    for event in records():
        controller.emit(event)
    assert controller.terminate(wait=True) == 330
    assert platform.offsets == ALL


def test_events_that_a_step_holds_are_not_committed() -> None:
    done: list[QualifiedOffset] = []
    offsets = OffsetCommitter(done.append)
    batch = Batch(3)
    held = []
    for number in range(1, 5):
        event = record(0, number)
        offsets.track(event)
        held += list(batch.process(event))
        del event
    offsets.commit_done()
    assert done == []
    held.clear()  # the first three are through
    offsets.commit_done()
    assert done == [QualifiedOffset("/", 0, 3)]
    offsets.commit_all()
    assert done[1:] == [QualifiedOffset("/", 0, 4)]


def test_what_became_of_an_event_counts_too() -> None:
    done: list[QualifiedOffset] = []
    offsets = OffsetCommitter(done.append)
    event = record(0, 1)
    offsets.track(event)
    made = list(FlatMap(lambda x: [x, x]).process(event))
    del event
    offsets.commit_done()
    assert done == []
    made.pop()
    offsets.commit_done()
    assert done == []
    made.pop()
    offsets.commit_done()
    assert done == [QualifiedOffset("/", 0, 1)]
    offsets.commit_all()


def test_a_commit_that_fails_is_tried_again() -> None:
    done: list[QualifiedOffset] = []

    def commit(offset: QualifiedOffset) -> None:
        if not attempts:
            attempts.append(offset)
            raise OSError("no connection")
        done.append(offset)

    attempts: list[QualifiedOffset] = []
    offsets = OffsetCommitter(commit)
    offsets.track(record(0, 1))
    offsets.commit_done()
    assert done == []
    offsets.commit_all()
    assert done == [QualifiedOffset("/", 0, 1)]


def test_events_that_come_from_no_stream_are_not_tracked() -> None:
    done: list[QualifiedOffset] = []
    offsets = OffsetCommitter(done.append)
    offsets.track(Event(1))
    offsets.commit_all()
    assert done == []


def test_a_flow_that_fails_commits_only_what_is_done() -> None:
    platform = Platform()
    source = SyncEmitSource(context=SimpleNamespace(platform=platform), explicit_ack=True)
    keep: list[Event] = []

    def fail_on_third(event: Event) -> Event:
        if event.offset == 3:
            keep.append(event)
            raise ValueError("broken")
        return event

    controller = build_flow([source, Map(fail_on_third, full_event=True)]).run()
    with pytest.raises(ValueError, match="broken"):
        for number in range(1, 6):
            controller.emit(record(0, number))
    assert platform.offsets == {("/", 0): 2}


def test_without_explicit_ack_nothing_is_committed() -> None:
    platform = Platform()
    source = SyncEmitSource(context=SimpleNamespace(platform=platform))
    controller = build_flow([source, *steps()]).run()
    controller.emit(record(0, 1))
    controller.terminate(wait=True)
    assert platform.offsets == {}
