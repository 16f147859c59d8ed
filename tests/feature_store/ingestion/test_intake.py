"""Accepted events are on disk, and come back; torn ends are cut off, redelivered ones dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.errors import IntegrityError
from mlrun_like.feature_store.ingestion import intake
from mlrun_like.feature_store.ingestion.intake import Intake


def _event(body: object, origin: str = "", place: str = "") -> tuple[object, str, str, str, str]:
    return body, origin, place, "", ""


def test_events_come_back_in_order(tmp_path: Path) -> None:
    one = Intake(tmp_path)
    taken = one.accept([_event({"x": n}) for n in range(5)])
    assert [event.number for event in taken] == [1, 2, 3, 4, 5]
    one.close()
    with Intake(tmp_path, after=2) as other:
        assert [event.body["x"] for event in other.waiting()] == [2, 3, 4]
        assert other.waiting() == []
        assert other.accept([_event("more")])[0].number == 6


def test_redelivered_records_are_not_taken_again(tmp_path: Path) -> None:
    one = Intake(tmp_path, {"s/0": "7-1"})
    batch = [_event(n, "s/0", f"7-{n}") for n in range(4)]
    assert [event.body for event in one.accept(batch)] == [2, 3]
    assert one.accept(batch) == []
    one.close()
    with Intake(tmp_path) as other:
        assert other.accept(batch) == []
        assert other.places == {"s/0": "7-3"}
        assert len(other.accept([_event(1, "s/1", "7-1")])) == 1


@pytest.mark.parametrize("cut", range(1, 30, 3))
def test_a_torn_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    one = Intake(tmp_path)
    one.accept([_event("kept")])
    size = next(tmp_path.glob("*.log")).stat().st_size
    one.accept([_event("torn, and long enough")])
    one.close()
    path = next(tmp_path.glob("*.log"))
    path.write_bytes(path.read_bytes()[: size + cut])
    other = Intake(tmp_path)
    assert [event.body for event in other.waiting()] == ["kept"]
    assert other.accept([_event("next")])[0].number == 2
    other.close()
    assert [event.body for event in Intake(tmp_path).waiting()] == ["kept", "next"]


def test_segments_that_are_done_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_SEGMENT", 100)
    one = Intake(tmp_path)
    for number in range(10):
        one.accept([_event("x" * 60 + str(number))])
    assert len(list(tmp_path.glob("*.log"))) > 3
    one.forget(9)
    one.close()
    assert Intake(tmp_path, after=9).waiting()[0].number == 10
    assert len(list(tmp_path.glob("*.log"))) <= 2


def test_damage_in_the_middle_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_SEGMENT", 10)
    one = Intake(tmp_path)
    one.accept([_event("a")])
    one.accept([_event("b")])
    one.close()
    first = sorted(tmp_path.glob("*.log"))[0]
    first.write_bytes(b"\xff" * 20)
    with pytest.raises(IntegrityError, match="damaged"):
        Intake(tmp_path)


def test_what_is_no_json_is_refused_whole(tmp_path: Path) -> None:
    with Intake(tmp_path) as one:
        with pytest.raises(TypeError):
            one.accept([_event(1), _event(object())])
        assert one.accept([_event(2)])[0].number == 1
