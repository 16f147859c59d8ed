"""Dead letters: none is lost, whatever the place for them does."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.delivery import Courier
from mlrun_like.gateway.triggers.door import Door
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.graves import Grave
from mlrun_like.gateway.triggers.lanes import Lanes
from mlrun_like.gateway.triggers.mask import Mask
from mlrun_like.gateway.triggers.numbers import Numbers

CONFIG = TriggerConfig("p/f", "t", "cron", attempts=1, first_delay=0.01)


def test_a_line_that_a_crash_cut_off_stays_alone(tmp_path: Path) -> None:
    grave = Grave(CONFIG, "", tmp_path)
    path = Path(grave.bury(Event(b"one")))
    path.write_bytes(path.read_bytes() + b'{"headers": {"cut')
    grave.bury(Event(b"two"))
    grave.bury(Event(b"three"))
    lines = path.read_bytes().splitlines()
    assert [len(lines), lines[1]] == [4, b'{"headers": {"cut']
    assert [json.loads(lines[n])["body64"] for n in (0, 2, 3)] == ["b25l", "dHdv", "dGhyZWU="]


def test_a_courier_survives_a_grave_that_fails_in_unknown_ways(tmp_path: Path) -> None:
    tries: list[Event] = []
    settled = threading.Event()

    def bury(event: Event) -> str:
        tries.append(event)
        if len(tries) < 3:
            raise ValueError("nobody thought of this")
        return "there"

    lanes, numbers = Lanes("none", 1), Numbers(Mask(CONFIG))
    courier = Courier(
        CONFIG, Door(str(tmp_path / "none")), lanes, numbers, bury, lambda *_: settled.set()
    )
    event = Event(b"x")
    for turn in range(3):
        courier._failed([event], [event], "500: it failed")
        assert settled.is_set() == (turn == 2) and event.tries == (1 if turn == 2 else 0)
    assert numbers.to_dict()["dead_letters"] == 1
