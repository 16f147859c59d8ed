"""Streams of the Iguazio platform, in the folder that stands for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.triggers.brokers import open_streams
from mlrun_like.gateway.triggers.checks import check_triggers
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.streams import StreamSource
from mlrun_like.runtimes.nuclio.stream_triggers import V3IOStreamTrigger
from mlrun_like.streams.opening import get_stream_pusher


def _spec(container: str = "projects", path: str = "p/orders") -> dict[str, Any]:
    trigger = V3IOStreamTrigger(name="t", container=container, path=path, seek_to="earliest")
    return dict(trigger._struct)


def test_what_is_pushed_there_reaches_the_trigger(tmp_path: Path) -> None:
    with config.override(v3io_root=str(tmp_path)):
        assert check_triggers({"t": _spec()}) == []
        get_stream_pusher("v3io:///projects/p/orders").push([{"n": 1}, {"n": 2}])
        source = StreamSource(TriggerConfig.read("p/f", "t", _spec()), tmp_path / "home")
        source.open()
        try:
            bodies = [event.body for event in source.read(10, 5.0)]
        finally:
            source.close()
    assert bodies == [b'{"n":1}', b'{"n":2}']


def test_latest_begins_with_what_comes(tmp_path: Path) -> None:
    trigger = V3IOStreamTrigger(name="t", container="projects", path="p/orders")
    spec = dict(trigger._struct)
    assert spec["attributes"]["seekTo"] == "latest"

    def read() -> list[Any]:
        source = StreamSource(TriggerConfig.read("p/f", "t", spec), tmp_path / "home")
        source.open()
        try:
            found = source.read(10, 0.2)
            source.ack(found)
            return [event.body for event in found]
        finally:
            source.close()

    with config.override(v3io_root=str(tmp_path)):
        pusher = get_stream_pusher("v3io:///projects/p/orders")
        pusher.push([{"n": 1}])
        assert read() == []
        pusher.push([{"n": 2}, {"n": 3}])
        assert read() == [b'{"n":2}', b'{"n":3}']  # a group that has begun goes on where it was
        assert read() == []


def test_without_the_folder_it_is_told() -> None:
    with config.override(v3io_root=""):
        (found,) = check_triggers({"t": _spec()})
    assert "cannot run here" in found.what and "v3io_root" in found.fix


@pytest.mark.parametrize("path", ["../../etc/passwd", "a/../../../b", "%2e%2e/%2e%2e/x"])
def test_nobody_leads_it_out_of_the_folder(path: str, tmp_path: Path) -> None:
    with config.override(v3io_root=str(tmp_path)), pytest.raises(InvalidArgumentError):
        open_streams(TriggerConfig.read("p/f", "t", _spec(path=path)))
