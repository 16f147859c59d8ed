"""What an API gateway is, its files, and to whom it gives a request; without processes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.entrances.entrance import Entrance
from mlrun_like.gateway.entrances.entrances import EntranceFiles, Entrances
from mlrun_like.gateway.entrances.service import EntranceService
from mlrun_like.gateway.http.gate import Gates
from mlrun_like.gateway.http.hashes import hash_password, hash_token
from mlrun_like.gateway.states import DeploymentFiles

FRONT = {"project": "shop", "name": "front", "functions": ["shop/old", "shop/new"]}


class Function:
    """A deployed function that only counts."""

    def __init__(self, proxies: bool = False, **options: Any) -> None:
        self.version = Version(1, "nuclio", {}, Options(**options))
        self.got: list[Call] = []
        self.gone: list[Call] = []
        self.proxies = proxies

    def submit(self, call: Call) -> None:
        self.got.append(call)

    def cancel(self, call: Call) -> None:
        self.gone.append(call)

    def open(self, tunnel: Any, call: Call) -> Any:
        return tunnel


class Reply:
    """Keeps an answer."""

    status = 0
    content = b""

    def answer(self, status: int, content: bytes) -> None:
        self.status, self.content = status, content

    def start(self, status: int, headers: bytes) -> None:
        raise AssertionError

    def chunk(self, data: bytes) -> None:
        raise AssertionError

    def end(self, *, complete: bool) -> None:
        raise AssertionError


def call(target: bytes = b"/") -> Call:
    return Call(b"GET", target, [], b"", Reply())


def asked(service: EntranceService, target: bytes = b"/") -> Any:
    sent = call(target)
    service.submit(sent)
    return sent.reply


def test_requests_are_shared() -> None:
    old, new = Function(), Function()
    services: dict[str, Any] = {"shop/old": old, "shop/new": new}
    for canary, expected in (([80, 20], 20), ([0, 100], 100), ([], 50)):
        old.got, new.got = [], []
        service = EntranceService(Entrance.from_dict({**FRONT, "canary": canary}), services)
        for _ in range(100):
            service.submit(call())
        assert abs(len(new.got) - expected) <= 2 and len(old.got) + len(new.got) == 100
    assert service.ready and service.key == "shop/~front"


def test_who_waits_no_more_is_told_to_the_right_function() -> None:
    one = Function(proxies=True)
    service = EntranceService(
        Entrance.from_dict({**FRONT, "functions": "shop/one"}), {"shop/one": one}
    )
    assert service.proxies and service.open("tunnel", call()) == "tunnel"
    sent = call()
    service.cancel(sent)  # nobody had it
    service.submit(sent)
    service.cancel(sent)
    assert one.gone == [sent]


def test_a_function_that_is_gone_and_paths_that_are_not_its_own() -> None:
    services: dict[str, Any] = {"shop/old": Function(), "shop/new": Function()}
    service = EntranceService(Entrance.from_dict({**FRONT, "path": "/v1/"}), services)
    for target, status in ((b"/v1", 0), (b"/v1/x?y", 0), (b"/v10", 404), (b"/", 404), (b"", 404)):
        assert asked(service, target).status == status
    services.clear()
    refused = asked(service, b"/v1/x")
    assert refused.status == 503 and b"not_deployed" in refused.content and not service.ready
    assert service.open("tunnel", call(b"/v1")) is None


def test_what_its_functions_limit_holds_behind_it() -> None:
    limits: dict[str, Any] = {"max_body": 10, "audit": 0.5, "methods": ("GET",)}
    old = Function(**limits, rate_limit=5.0, burst=3, cors={"enabled": True})
    new = Function(max_body=20, methods=("GET", "POST"), rate_limit=9.0, cors={"enabled": True})
    services: dict[str, Any] = {"shop/old": old}
    auth = {"kind": "bearer", "callers": []}
    service = EntranceService(Entrance.from_dict({**FRONT, "auth": auth}), services)
    more: dict[str, Any] = {"auth": auth, "cors": {"enabled": True}}
    assert service.version.options == Options(**limits, **more, rate_limit=5.0, burst=3)
    services["shop/new"] = new  # what one of them takes is not refused
    wide: dict[str, Any] = {"max_body": 20, "audit": 0.0, "methods": ("GET", "POST")}
    assert service.version.options == Options(**wide, **more, rate_limit=9.0, burst=18)
    gates = Gates()
    (gate,) = gates.update([service])
    assert gates.update([service]) == [gate]  # nothing has changed
    assert gate.max_body == 20 and gate.buckets is not None and not gate.allows(b"PUT")
    services["shop/new"] = Function(max_body=0)
    (changed,) = gates.update([service])
    assert changed.max_body > 1 << 60 and changed.buckets is None and changed.allows(b"PUT")
    gates.close()
    assert service.version.options == Options(max_body=0, auth=auth)
    services.clear()
    assert service.version.options == Options(auth=auth)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(5.0, 0), (5.0, 3)], (5.0, 10)),  # 0: what the rate allows in two seconds
        ([(5.0, 100), (6.0, 0)], (6.0, 100)),
        ([(0.2, 0), (0.1, 0)], (0.2, 1)),
        ([(5.0, 100), (0.0, 7)], (0.0, 0)),
    ],
)
def test_the_wider_of_two_rates_and_of_two_bursts(rows: Any, expected: tuple[float, int]) -> None:
    functions = [Function(rate_limit=rate, burst=burst) for rate, burst in rows]
    services: dict[str, Any] = dict(zip(FRONT["functions"], functions, strict=True))
    options = EntranceService(Entrance.from_dict(FRONT), services).version.options
    assert (options.rate_limit, options.burst) == expected


def test_a_function_without_requests_decides_nothing() -> None:
    old = Function(rate_limit=5.0, methods=("GET",), max_body=10, audit=0.5)
    services: dict[str, Any] = {"shop/old": old, "shop/new": Function(proxies=True)}
    service = EntranceService(Entrance.from_dict({**FRONT, "canary": [100, 0]}), services)
    found = service.version.options
    assert (found.rate_limit, found.methods, found.max_body) == (5.0, ("GET",), 10)
    assert found.audit == 0.5 and not service.proxies


def test_no_body_is_recorded_for_the_sake_of_the_other_function() -> None:
    services: dict[str, Any] = {"shop/old": Function(audit=1.0), "shop/new": Function(audit=0.1)}
    service = EntranceService(Entrance.from_dict(FRONT), services)
    assert service.version.options.audit == 0.1


@pytest.mark.parametrize(
    "change",
    [
        {"project": ""},
        {"name": "../x"},
        {"name": None},
        {"functions": []},
        {"functions": ["shop/a", "shop/b", "shop/c"]},
        {"functions": ["shop/~front"]},
        {"functions": [{}]},
        {"canary": [50]},
        {"canary": [50, 40]},
        {"canary": [150, -50]},
        {"canary": [True, 99]},
        {"canary": ["50", "50"]},
        {"host": "a b"},
        {"host": "x\r\ny: z"},
        {"path": "v1"},
        {"path": "/a\nb"},
        {"path": "/" + "x" * 1000},
        {"auth": {"kind": "digest"}},
        {"auth": {"kind": "basic", "callers": [{"name": "a", "hash": "plain"}]}},
        {"record": []},
        {"record": {"x": "y" * 100_000}},
    ],
)
def test_what_cannot_be_one(change: dict[str, Any]) -> None:
    if change == {"record": []}:
        assert Entrance.from_dict({**FRONT, **change}).record == {}
        return
    with pytest.raises(InvalidArgumentError):
        Entrance.from_dict({**FRONT, **change})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"functions": 5}, "functions"),
        ({"functions": {"shop/a": 1}}, "functions"),
        ({"canary": 5}, "canary"),
        ({"auth": "basic"}, "auth"),
        ({"auth": [1]}, "auth"),
        ({"auth": {"kind": "basic", "callers": 3}}, "auth.callers"),
        ({"auth": {"kind": "basic", "callers": [3]}}, "auth.callers"),
        ({"auth": {"kind": "bearer", "callers": [{"name": "a", "scopes": 3}]}}, "auth.callers"),
    ],
)
def test_another_form_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"^{named} .*must be a"):
        Entrance.from_dict({**FRONT, **change})


def entrances(home: Path, refreshed: list[int], frozen: list[str]) -> Entrances:
    async def changed() -> None:
        refreshed.append(1)

    def may_change() -> None:
        if frozen:
            raise InvalidArgumentError(frozen[0])

    return Entrances(home, {"shop/old": Function(), "shop/new": Function()}, may_change, changed)


def test_they_are_kept_and_their_secrets_are_not_told(tmp_path: Path) -> None:
    async def main() -> None:
        refreshed: list[int] = []
        frozen: list[str] = []
        kept = entrances(tmp_path, refreshed, frozen)
        secret = hash_password("s3cret")
        auth = {"kind": "basic", "callers": [{"name": "anna", "hash": secret}]}
        row = await kept.put({**FRONT, "auth": auth}, "me")
        assert row["callers"] == ["anna"] and row["state"] == "ready" and row["by"] == "me"
        assert secret not in json.dumps(row) and refreshed == [1]
        await kept.put({**FRONT, "auth": "kept", "canary": [10, 90]}, "me")
        assert kept.services["shop/front"].version.options.auth == auth
        bearer = {"kind": "bearer", "callers": [{"name": "anna", "hash": hash_token("s3cret")}]}
        await kept.put({**FRONT, "name": "open"}, "me")
        await kept.put({**FRONT, "name": "tokens", "auth": bearer}, "me")
        for name in ("other", "open", "tokens"):  # it would be called as before, or by everybody
            with pytest.raises(InvalidArgumentError, match="needs a user and a password"):
                await kept.put({**FRONT, "name": name, "auth": "kept"}, "me")
        for name in ("open", "tokens"):
            await kept.delete(f"shop/{name}", "me")
        again = entrances(tmp_path, refreshed, frozen)
        assert await again.begin() == []
        assert again.rows("shop") == kept.rows() and again.rows("sho") == []
        frozen.append("restarting")
        for change in (again.put(FRONT, ""), again.delete("shop/front", "")):
            with pytest.raises(InvalidArgumentError, match="restarting"):
                await change
        frozen.clear()
        await again.delete("shop/front", "")
        assert again.rows() == [] and not (tmp_path / "entrances" / "shop").exists()
        with pytest.raises(NotFoundError, match="no API gateway"):
            await again.delete("shop/front", "")
        told = (tmp_path / "audit.log").read_text()
        assert "API gateway stored" in told and secret not in told

    asyncio.run(main())


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"project": "shop"}', json.dumps({**FRONT, "name": "x"}), "[" * 100_000, "\0"],
)
def test_a_broken_file_hurts_no_other(tmp_path: Path, text: str) -> None:
    files = EntranceFiles(tmp_path)
    files.save(Entrance.from_dict({**FRONT, "name": "good"}))
    broken = tmp_path / "entrances" / "shop" / "front.json"
    broken.write_text(text)
    (broken.parent / ".front.json.1.tmp").write_text("half")  # its writer was killed
    assert list(files.load()) == ["shop/good"]
    assert not broken.exists() and len(files.set_aside) == 1
    assert Counter(path.suffix for path in broken.parent.iterdir()) == {".json": 1, ".broken": 1}
    assert DeploymentFiles(tmp_path).load() == {}
