"""Tables: rows in this process, what is written when, restarts, several processes."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.aggregate_field import FieldAggregator
from mlrun_like.serving.steps.drivers import Change
from mlrun_like.serving.steps.drivers_file import FileDriver
from mlrun_like.serving.steps.drivers_redis import RedisDriver
from mlrun_like.serving.steps.drivers_sql import SQLDriver
from mlrun_like.serving.steps.query import QueryByKey
from mlrun_like.serving.steps.tables import Table, open_table
from mlrun_like.serving.steps.targets_table import NoSqlTarget
from mlrun_like.serving.steps.windows import FixedWindows, FixedWindowType, SlidingWindows

BASE = datetime(2020, 7, 21, 21, 40, tzinfo=timezone.utc)
Make = Callable[..., Table]


class Unreliable(FileDriver):
    """A file on a disk that can go away."""

    broken = False
    saves = 0

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        if self.broken:
            raise StoreUnavailableError("the disk is gone")
        self.saves += 1
        super().save(table, changes, shared)


@pytest.fixture(params=["file", pytest.param("redis", marks=pytest.mark.slow)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """What makes tables in one place, as if each were in a process of its own."""
    made: list[Table] = []
    name = new_uid()

    def new(**options: Any) -> Table:
        driver = (
            FileDriver(str(tmp_path / "tables.db"))
            if request.param == "file"
            else RedisDriver(redis_url=request.getfixturevalue("redis").url)
        )
        made.append(Table(name, driver, **options))
        return made[-1]

    yield new
    for table in made:
        table.close()


def aggregator(
    *aggregates: str, windows: Any = None, name: str = "n", field: str = "x"
) -> FieldAggregator:
    windows = windows or SlidingWindows(["1h", "24h"], "10m")
    return FieldAggregator(name, field, list(aggregates), windows)


def feed(step: Any, events: Sequence[tuple[Any, Any, float]]) -> list[Any]:
    """Bodies of what comes out; the third of each event is minutes after BASE."""
    out: list[Any] = []
    for body, key, minutes in events:
        event = Event(dict(body), key=key, time=BASE + timedelta(minutes=minutes))
        out += [found.body for found in step.process(event)]
    return out


def test_rows_in_memory() -> None:
    table = Table("users")
    assert table["ann"] == {}
    table["ann"] = {"age": 31}
    table.update("ann", {"city": "Oslo"})
    table[["a", "b"]] = {"x": 1}
    found = table["ann"]
    found["age"] = 5
    assert table["ann"] == {"age": 31, "city": "Oslo"}
    assert table.get("ann", ["city", "height"]) == {"city": "Oslo"}
    assert table[["a", "b"]] == {"x": 1}
    assert list(table) == ["ann", ["a", "b"]]
    assert repr(table) == "Table('users', NoopDriver)"
    table.flush()
    table.close()
    assert table["ann"]["age"] == 31


def test_written_at_the_end(make: Make) -> None:
    table = make()
    table["ann"] = {"age": 31}
    table["ann"] = {"city": "Oslo"}
    assert make()["ann"] == {}
    table.close()
    assert make()["ann"] == {"age": 31, "city": "Oslo"}
    table["ann"] = {"age": 32}  # the table can be used again
    table.flush()
    assert make()["ann"] == {"age": 32, "city": "Oslo"}


def test_written_by_the_clock(make: Make) -> None:
    table = make(flush_interval_secs=0.05)
    table["ann"] = {"age": 31}
    reader = make(flush_interval_secs=0.05)
    limit = time.monotonic() + 5
    while reader["ann"] != {"age": 31}:
        assert time.monotonic() < limit
        time.sleep(0.02)
    while list(table):  # rows that nobody uses are forgotten
        assert time.monotonic() < limit
        time.sleep(0.02)
    assert table["ann"] == {"age": 31}


def test_written_with_every_event(make: Make) -> None:
    table = make(flush_interval_secs=None)
    step = AggregateByKey([aggregator("sum")], table)
    feed(step, [({"x": 2}, "k", 0)])
    other = make(flush_interval_secs=None)
    query = QueryByKey(["n_sum_1h", "color"], other)
    assert feed(query, [({}, "k", 0)]) == [{"n_sum_1h": 2}]
    target = NoSqlTarget(table, columns=["color"])
    feed(target, [({"color": "red"}, "k", 0)])
    assert feed(query, [({}, "k", 0)]) == [{"n_sum_1h": 2, "color": "red"}]
    feed(target, feed_as_events(step, [({"x": 3, "color": "blue"}, "k", 1)]))
    assert feed(query, [({}, "k", 1)]) == [{"n_sum_1h": 5, "color": "blue"}]


def feed_as_events(step: Any, events: Sequence[tuple[Any, Any, float]]) -> list[Any]:
    return [(body, events[0][1], events[0][2]) for body in feed(step, events)]


def test_aggregates_survive_restarts(make: Make) -> None:
    rng = random.Random(3)
    whole = AggregateByKey([aggregator("count", "sum", "min", "first", "stddev")], Table("all"))
    minutes = 0.0
    for _ in range(5):
        table = make()
        step = AggregateByKey([aggregator("count", "sum", "min", "first", "stddev")], table)
        for _ in range(40):
            minutes += rng.choice([0, 1, 9, 40])
            event = ({"x": rng.randrange(100)}, rng.choice("ab"), minutes)
            same_features(feed(step, [event]), feed(whole, [event]))
        step.close()


KILLED = """
import itertools, sys
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey, FieldAggregator
from mlrun_like.serving.steps.tables import open_table
from mlrun_like.serving.steps.windows import FixedWindows
table = open_table(sys.argv[1], flush_interval_secs=None)
step = AggregateByKey([FieldAggregator("n", "x", ["count"], FixedWindows(["1d"]))], table)
for number in itertools.count():
    [event] = step.process(Event({"x": 1}, key="k", time=0))
    print(int(event.body["n_count_1d"]), flush=True)
"""


def test_every_answered_event_survives_a_kill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db#events"
    seen = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            first = int(process.stdout.readline())
            assert first in (seen + 1, seen + 2)  # one may be stored and not answered
            for _ in range(50):
                seen = int(process.stdout.readline())
            process.kill()
            seen = max([seen, *map(int, process.stdout.read().split("\n")[:-1])])
    query = QueryByKey(["n_count_1d"], open_table(url))
    [event] = query.process(Event({}, key="k", time=0))
    assert event.body["n_count_1d"] in (seen, seen + 1)
    query.close()


def same_features(found: list[Any], wanted: list[Any]) -> None:
    for left, right in zip(found, wanted, strict=True):
        assert left == pytest.approx(right, nan_ok=True)


def test_several_processes_share_keys(make: Make) -> None:
    rng = random.Random(4)
    options = {"partitioned_by_key": False, "flush_interval_secs": 0.01}
    tables = [make(**options) for _ in range(2)]
    steps = [AggregateByKey([aggregator("count", "sum", "max")], table) for table in tables]
    whole = AggregateByKey([aggregator("count", "sum", "max")], Table("all"))
    wanted: list[Any] = []
    for number in range(60):
        event = ({"x": rng.randrange(100)}, "k", number * 7.0)
        feed(steps[rng.randrange(2)], [event])
        wanted = feed(whole, [event])
        if number % 9 == 0:
            tables[rng.randrange(2)].flush()
    for table in tables:
        table.flush()
    time.sleep(0.02)
    at = [({"x": None}, "k", 59 * 7.0)]
    for step in steps:
        found = feed(step, at)[0]
        assert {**found, "x": 0} == pytest.approx({**wanted[0], "x": 0})


def test_queries_of_the_past_and_the_future(make: Make) -> None:
    """Storey's results for fixed windows that are stored, read at many moments."""
    step = AggregateByKey([aggregator("count", windows=FixedWindows(["1h", "2h", "24h"]))], make())
    feed(step, [({"x": 10}, "tal", 25 * number) for number in range(10)])
    step.close()
    names = ["n_count_1h", "n_count_2h", "n_count_24h"]
    moments: list[Any] = [({}, "tal", 25.0 * number) for number in range(-10, 20)]
    found = feed(QueryByKey(names, make()), moments)
    assert [[row[name] for name in names] for row in found] == (
        [[0, 0, 6]] * 6
        + [[0, 1, 6]] * 3
        + [[1, 1, 6]] * 2
        + [[3, 5, 6]] * 3
        + [[2, 5, 6]] * 2
        + [[2, 4, 4]] * 5
        + [[0, 0, 4]] * 9
    )
    closed = QueryByKey(names, make(), fixed_window_type=FixedWindowType.LastClosedWindow)
    found = feed(closed, moments)
    assert [[row[name] for name in names] for row in found] == (
        [[0, 0, 0]] * 11
        + [[1, 1, 0]] * 3
        + [[3, 1, 0]] * 2
        + [[2, 5, 6]] * 5
        + [[2, 4, 6]] * 2
        + [[0, 4, 6]] * 3
        + [[0, 0, 6]] * 4
    )


def test_queries_of_other_aggregates_and_windows(make: Make) -> None:
    table = make()
    step = AggregateByKey([aggregator("sum")], table)
    feed(step, [({"x": number}, "k", 10 * number) for number in range(9)])
    names = ["n_max_30m", "n_avg_2h", "n_count_24h", "color"]
    for source in (table, None):
        if source is None:
            table["k"] = {"color": "red"}
            step.close()
        query = QueryByKey(names, source or make(), aliases={"n_avg_2h": "mean", "color": "paint"})
        [found] = feed(query, [({"y": 1}, "k", 80)])
        paint = {} if source else {"paint": "red"}
        assert found == {"n_max_30m": 8, "mean": 4, "n_count_24h": 9, "y": 1, **paint}
    with pytest.raises(InvalidArgumentError, match="kept for 86400 s"):
        feed(QueryByKey(["n_sum_2d"], make()), [({}, "k", 0)])
    with pytest.raises(InvalidArgumentError, match="no multiple"):
        feed(QueryByKey(["n_sum_15m"], make()), [({}, "k", 0)])
    with pytest.raises(ValueError, match="Requested aggregate m, does not exist"):
        feed(QueryByKey(["m_sum_1h"], make()), [({}, "k", 0)])


def test_schemas_must_fit(make: Make) -> None:
    feed(AggregateByKey([aggregator("sum")], make()), [({"x": 1}, "k", 0)])
    feed(AggregateByKey([aggregator("min"), aggregator("sum", name="m")], make()), [({}, "k", 0)])
    for windows in (SlidingWindows(["1h"], "5m"), FixedWindows(["1h"])):
        step = AggregateByKey([aggregator("sum", windows=windows)], make())
        with pytest.raises(ValueError, match="does not match existing"):
            feed(step, [({"x": 1}, "k", 0)])
    adapted = AggregateByKey(
        [aggregator("sum", windows=SlidingWindows(["1h"], "5m"))],
        make(),
        use_windows_from_schema=True,
    )
    assert feed(adapted, [({"x": 1}, "k", 0)])[0]["n_sum_1h"] == 1


def test_rows_that_were_joined_before_they_are_aggregated(make: Make) -> None:
    step = AggregateByKey([aggregator("sum")], make())
    feed(step, [({"x": 2}, "k", 0)])
    step.close()
    table = make()
    table.get("k")
    again = AggregateByKey([aggregator("sum")], table)
    assert feed(again, [({"x": 3}, "k", 0)])[0]["n_sum_1h"] == 5
    other = AggregateByKey([aggregator("sum", name="m")], table)
    assert feed(other, [({"x": 3}, "k", 0)])[0]["m_sum_1h"] == 3
    assert feed(again, [({"x": 3}, "k", 0)])[0]["n_sum_1h"] == 8


def test_what_cannot_be_written_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    driver = Unreliable(str(tmp_path / "t.db"))
    table = Table("t", driver, max_updates_in_flight=2)
    step = AggregateByKey([aggregator("sum")], table)
    driver.broken = True
    feed(step, [({"x": number}, f"k{number}", 0) for number in range(5)])
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="gone"):
            table.flush()
        table.update("k0", {"color": "red"})
        with pytest.raises(StoreUnavailableError, match="gone"):
            table.flush_key("k0")
    driver.broken = False
    table.flush()
    assert driver.saves == 3
    table.flush()
    assert driver.saves == 3
    table.close()
    query = QueryByKey(["n_sum_1h", "color"], Table("t", FileDriver(str(tmp_path / "t.db"))))
    assert feed(query, [({}, "k0", 0), ({}, "k4", 0)]) == [
        {"n_sum_1h": 0, "color": "red"},
        {"n_sum_1h": 4},
    ]
    query.close()


def test_a_failing_clock_tries_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    driver = Unreliable(str(tmp_path / "t.db"))
    driver.broken = True
    table = Table("t", driver, flush_interval_secs=0.02)
    table["k"] = {"a": 1}
    limit = time.monotonic() + 5
    while "trying again later" not in caplog.text:
        assert time.monotonic() < limit
        time.sleep(0.01)
    driver.broken = False
    while driver.saves == 0:
        assert time.monotonic() < limit
        time.sleep(0.01)
    table.close()


def test_many_threads(tmp_path: Path) -> None:
    table = Table("t", FileDriver(str(tmp_path / "t.db")), flush_interval_secs=0.01)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(100):
                key = f"k{turn % 7}"
                table.update(key, {f"w{number}": turn})
                table.get(key)
                if turn % 20 == number:
                    table.flush_key(key)
        except BaseException as exc:  # noqa: BLE001
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    table.close()
    assert not failures
    found = Table("t", FileDriver(str(tmp_path / "t.db")))
    assert found["k1"] == {f"w{number}": 99 for number in range(4)}
    assert found["k6"] == {f"w{number}": 97 for number in range(4)}
    found.close()


def test_arguments_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no driver"):
        Table("t", "redis://host")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="negative"):
        Table("t", flush_interval_secs=-1)
    with pytest.raises(ValueError, match="at least 1"):
        Table("t", max_updates_in_flight=0)
    sql = Table("t", SQLDriver("id", f"sqlite:///{tmp_path}/t.db"))
    with pytest.raises(InvalidArgumentError, match="does not support aggregations"):
        feed(AggregateByKey([aggregator("sum")], sql), [({"x": 1}, "k", 0)])
