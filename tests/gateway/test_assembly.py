"""All functions of a gateway together: one that is odd, or fails, leaves the others alone."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StoreUnavailableError
from mlrun_like.gateway.assembly import Functions
from mlrun_like.gateway.control.documents import deployables_of
from mlrun_like.gateway.deployment import Deployment, Options, Share, Version
from mlrun_like.gateway.process import Gateway


def deployment(name: str, **more: Any) -> Deployment:
    version = Version(1, "nuclio", {"kind": "nuclio"}, Options())
    return Deployment("p", name, {1: version}, [Share(1, 100.0)], **more)


async def _nothing() -> None:
    """Nobody has to know."""


def _odd(found: Deployment) -> None:
    raise ValueError("odd")


def test_a_function_that_cannot_be_resumed_leaves_the_others_alone(home: Path) -> None:
    async def test() -> None:
        functions = Functions(home, _nothing)
        plan = {"strategy": "of a newer version"}
        rows = [{"version": 1, "weight": 100.0}]
        watch = {"version": 1, "state": "moving", "plan": plan, "base": rows, "prior": []}
        functions.files.save(deployment("odd", watch=watch))
        functions.files.save(deployment("good"))
        await functions.begin({})
        assert list(functions.services) == ["p/good"]
        assert "p/odd" in functions.files.set_aside[0]
        await functions.close(0)

    asyncio.run(test())


def test_a_rollout_that_makes_no_sense_leaves_nothing_behind(home: Path) -> None:
    async def test() -> None:
        functions = Functions(home, _nothing)
        wanted = {"key": "p/f", "kind": "nuclio", "document": {}}
        for rollout in ("canary", {"steps": 5}):
            with pytest.raises(InvalidArgumentError):
                await functions.deploy({**wanted, "rollout": rollout}, lambda line: None)
            assert functions.services == {}
        functions.files.save = _odd  # type: ignore[method-assign,assignment]
        with pytest.raises(ValueError, match="odd"):
            await functions.deploy(wanted, lambda line: None)
        assert functions.services == {}
        await functions.close(0)

    asyncio.run(test())


def test_a_function_whose_file_cannot_be_removed_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        functions = Functions(home, _nothing)
        functions.files.save(deployment("f"))
        await functions.begin({})

        def fails(key: str) -> None:
            raise StoreUnavailableError("the disk is read-only")

        with monkeypatch.context() as patched:
            patched.setattr(functions.files, "delete", fails)
            with pytest.raises(MLRunLikeError, match="read-only"):
                await functions.delete("p/f", "ann")
            assert "p/f" in functions.services
        await functions.delete("p/f", "ann")
        assert functions.services == {} and functions.files.load() == {}
        await functions.close(0)

    asyncio.run(test())


def test_the_same_port_asked_for_twice_at_once(home: Path) -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gateway = Gateway(ours, {})
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours.fileno(), gateway._heard)
        opened: list[int] = []

        async def added(port: int, listening: socket.socket) -> None:
            opened.append(port)
            listening.close()

        gateway.doors.wanted_ports = lambda: frozenset({9000}) - set(opened)  # type: ignore[method-assign]
        gateway.doors.add_port = added  # type: ignore[method-assign]
        both = asyncio.gather(gateway._listen_on_ports(), gateway._listen_on_ports())
        await asyncio.sleep(0.05)
        with socket.socket() as listening:
            socket.send_fds(theirs, [b'{"port": 9000}'], [listening.fileno()])
            await asyncio.wait_for(both, 20)
        assert opened == [9000]
        await gateway.close(0)
        ours.close()
        theirs.close()

    asyncio.run(test())


def test_secrets_given_inline_reach_a_deployed_graph() -> None:
    fn: Any = ml.new_function("g", project="p", kind="serving")
    fn.with_code(body="def step(x):\n    return x\n")
    fn.set_topology("flow", engine="sync").to(name="step", handler="step").respond()
    fn.with_secrets("inline", {"KEY": "s3cret"})
    (one,) = deployables_of(fn)
    assert one.extra["env"]["KEY"] == "s3cret" and "s3cret" not in str(one.document.to_dict())


def test_triggers_that_make_no_sense_leave_those_of_others_alone(home: Path) -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gateway = Gateway(ours, {})
        gateway.state = "active"
        told: list[Any] = []
        gateway.triggers = SimpleNamespace(configure=told.append, pid=0)
        for name, workers in (("odd", "many"), ("good", 1)):
            trigger = {"kind": "cron", "numWorkers": workers, "attributes": {"interval": "1h"}}
            found = deployment(name)
            options = Options(triggers={"t": trigger})
            found.versions[1] = dataclasses.replace(found.versions[1], options=options)
            gateway.services[found.key] = gateway._service(found)
        await gateway._refresh_triggers()
        assert [config.key for config in told[0]] == ["p/good"]
        too_much = {"p/f": {1: 1}, "x" * (1 << 20): {1: 1}}
        gateway.replicas = lambda: too_much  # type: ignore[method-assign]
        gateway.restart()
        assert theirs.recv(100) == b'{"restart": {}}' and gateway.frozen
        await gateway.close(0)
        ours.close()
        theirs.close()

    asyncio.run(test())


def test_a_version_that_gets_the_traffic_by_itself_changes_the_front(home: Path) -> None:
    async def test() -> None:
        seen: list[str] = []

        async def changed() -> None:
            seen.append(functions.get("p/f").version.options.python)

        functions = Functions(home, changed)
        found = deployment("f")
        options = Options(python="of version 2")
        found.versions[2] = dataclasses.replace(found.versions[1], number=2, options=options)
        functions.files.save(found)
        await functions.begin({})
        traffic = functions.get("p/f").traffic
        await traffic.change("completed", 2, "gateway", traffic=[Share(2, 100.0)])
        await asyncio.gather(*functions._moves)
        assert seen == ["of version 2"] and not functions._moves
        await functions.close(0)

    asyncio.run(test())
