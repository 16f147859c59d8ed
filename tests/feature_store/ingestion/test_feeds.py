"""The folder of an ingestion: written whole or not at all, damage is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.errors import ConflictError, IntegrityError, NotFoundError
from mlrun_like.feature_store.ingestion.feeds import (
    START,
    Feed,
    Place,
    Point,
    find_feed,
    list_feeds,
)


def test_points_come_back_and_old_ones_go(tmp_path: Path) -> None:
    feed = Feed.create(tmp_path, {"set": "s"})
    for chunk in (1, 2, 5):
        point = Point(Place(chunk, f"p{chunk}", chunk * 10), {"n": chunk}, {"a": b"x" * chunk})
        feed.keep(point)
    assert feed.point(5).parts == {"a": b"xxxxx"}
    assert feed.point(2).place == Place(2, "p2", 20)
    assert feed.point(0).place == START
    with pytest.raises(NotFoundError, match="no state after chunk 1"):
        feed.point(1)


@pytest.mark.parametrize("cut", [0, 3, 10, 20, -1])
def test_a_damaged_point_is_told(tmp_path: Path, cut: int) -> None:
    feed = Feed.create(tmp_path, {})
    feed.keep(Point(Place(1, "x", 1), {}, {"a": b"12345"}))
    path = feed.folder / "point-1"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(IntegrityError, match="damaged"):
        feed.point(1)


@pytest.mark.parametrize("text", ["x", "{}", "[]", '{"chunk": "a"}', "null", "7"])
def test_a_place_that_is_none(text: str) -> None:
    with pytest.raises(IntegrityError, match="which it is not"):
        Place.read(text)


def test_find(tmp_path: Path) -> None:
    assert find_feed(tmp_path, True) is None
    feed = Feed.create(tmp_path, {"set": "s"}, "first")
    assert feed.document() == {"set": "s"}
    with pytest.raises(ConflictError, match="resume='first'"):
        Feed.create(tmp_path, {}, "first")
    found = find_feed(tmp_path, "first")
    assert found is not None and found.id == "first"
    with pytest.raises(NotFoundError, match="unfinished: first"):
        find_feed(tmp_path, "second")
    feed.remove()
    feed.remove()
    assert list_feeds(tmp_path) == []


def test_one_process_at_a_time(tmp_path: Path) -> None:
    feed = Feed.create(tmp_path, {})
    other = Feed(feed.folder)
    with feed.held(), pytest.raises(ConflictError, match="another process"), other.held():
        pass
    with feed.held():
        pass
    (feed.folder / "feed.json").write_bytes(b"{")
    with pytest.raises(IntegrityError, match="damaged"):
        feed.document()
