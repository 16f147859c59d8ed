"""Signs of life as one machine sees them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlrun_like.tracking.sightings import Sightings


class Clock:
    """Seconds since the machine was started."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_only_a_sign_that_stays_the_same_grows_old(tmp_path: Path) -> None:
    clock = Clock()
    seen = Sightings(tmp_path / "notes", clock)
    assert seen.unchanged({}) == {}
    assert not (tmp_path / "notes").exists(), "nothing to note"
    assert seen.unchanged({"a": "1", "b": "1"}) == {"a": 0.0, "b": 0.0}
    clock.now += 50
    assert seen.unchanged({"a": "1", "b": "2"}) == {"a": 50.0, "b": 0.0}
    clock.now += 50
    assert seen.unchanged({"b": "2"}, whole=False) == {"b": 50.0}
    assert seen.unchanged({"a": "1"}) == {"a": 100.0}


def test_commands_one_after_another_see_as_much_as_one_that_stays(tmp_path: Path) -> None:
    clock = Clock()
    assert Sightings(tmp_path, clock).unchanged({"a": "1"}) == {"a": 0.0}
    clock.now += 70
    assert Sightings(tmp_path, clock).unchanged({"a": "1"}) == {"a": 70.0}
    clock.now = 5
    assert Sightings(tmp_path, clock).unchanged({"a": "1"}) == {"a": 0.0}, "started again"
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"a": 1}', '{"a": ["1"]}', '{"a": ["1", {}]}', "[" * 100_000]
)
def test_damaged_notes_are_none(tmp_path: Path, text: str) -> None:
    seen = Sightings(tmp_path, Clock())
    seen.path.write_text(text)
    assert seen.unchanged({"a": "1"}) == {"a": 0.0}
    assert Sightings(tmp_path, Clock()).unchanged({"a": "1"}) == {"a": 0.0}


def test_without_a_file_the_process_remembers(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "file").write_text("")
    seen = Sightings(tmp_path / "file" / "notes", clock)
    seen.unchanged({"a": "1"})
    clock.now += 9
    assert seen.unchanged({"a": "1"}) == {"a": 9.0}


def test_what_is_forgotten_begins_anew(tmp_path: Path) -> None:
    clock = Clock()
    seen = Sightings(tmp_path, clock)
    assert seen.unchanged({"a": "1"}) == {"a": 0.0}
    clock.now += 900
    seen.forget()
    seen.forget()
    assert Sightings(tmp_path, clock).unchanged({"a": "1"}) == {"a": 0.0}
    assert seen.unchanged({"a": "1"}) == {"a": 0.0}
