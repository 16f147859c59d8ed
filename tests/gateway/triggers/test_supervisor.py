"""The trigger host as the gateway sees it: started, told, killed, started again, ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.deployment import Deployment, Options, Share, Version
from mlrun_like.gateway.triggers.config import TriggerConfig, triggers_of
from mlrun_like.gateway.triggers.supervisor import TriggerHost

pytestmark = pytest.mark.slow


def cron(name: str, body: str = "x", interval: str = "100ms") -> TriggerConfig:
    attributes = {"interval": interval, "event": {"body": body}}
    return TriggerConfig.read("p/f", name, {"kind": "cron", "attributes": attributes})


async def until(condition: Callable[[], Any]) -> None:
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to that")


def test_a_host_is_told_killed_and_started_again(plane: Any, gateway_folder: Path) -> None:
    async def story() -> None:
        host = TriggerHost(gateway_folder, plane.path, gateway_folder / "triggers.log")
        assert await host.status() == []
        host.configure([cron("a")])
        first = await host.status()
        assert first[0]["state"] in ("starting", "connecting", "connected")
        await until(lambda: plane.bodies.count("x") >= 2)
        rows = await host.status()
        assert [(row["trigger"], row["state"]) for row in rows] == [("a", "connected")]
        host.configure([cron("a"), cron("b", "y")])
        await until(lambda: "y" in plane.bodies)
        pid = host.pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: host.pid not in (0, pid))
        assert host.restarts == 1
        count = len(plane.requests)
        await until(lambda: len(plane.requests) > count + 3)
        host.configure([cron("b", "z")])
        await until(lambda: "z" in plane.bodies)
        count = plane.bodies.count("x")
        await asyncio.sleep(0.5)
        assert plane.bodies.count("x") <= count + 1
        last = host.pid
        await host.close(5.0)
        with pytest.raises(ProcessLookupError):
            os.kill(last, 0)

    asyncio.run(story())


def test_a_trigger_that_cannot_run_does_not_stop_the_others(
    plane: Any, gateway_folder: Path
) -> None:
    async def story() -> None:
        host = TriggerHost(gateway_folder, plane.path)
        bad = TriggerConfig("p/f", "bad", "pigeon")
        host.configure([bad, cron("good")])
        await until(lambda: plane.requests)
        rows = {row["trigger"]: row for row in await host.status()}
        assert rows["bad"]["state"] == "broken"
        assert "pigeon" in rows["bad"]["last_error"]
        assert rows["good"]["state"] == "connected"
        await host.close(5.0)

    asyncio.run(story())


def test_a_host_that_cannot_be_started_says_so(gateway_folder: Path) -> None:
    async def story() -> None:
        host = TriggerHost(gateway_folder, "x", command=("/does/not/exist",))
        host.configure([cron("a")])
        await until(lambda: host.error)
        (row,) = await host.status(0.1)
        assert "cannot be used" in row["last_error"]
        await host.close(0.1)

    asyncio.run(story())


def test_the_leading_version_says_which_triggers_there_are() -> None:
    def version(number: int, **triggers: Any) -> Version:
        return Version(number, "nuclio", {}, Options(triggers=triggers))

    tick = {"kind": "cron", "attributes": {"interval": "1s"}}
    versions = {
        1: version(1, old=tick, off={**tick, "disabled": True}, web={"kind": "http"}),
        2: version(2, new=tick),
    }
    found = Deployment("p", "f", versions=versions, traffic=[Share(1, 90.0), Share(2, 10.0)])
    assert [config.id for config in triggers_of([found])] == ["p/f/old"]
    found.traffic = [Share(2, 100.0)]
    assert [config.id for config in triggers_of([found])] == ["p/f/new"]
    assert triggers_of([Deployment("p", "g")]) == []
