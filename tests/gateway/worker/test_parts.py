"""Orders, events and answers by themselves; users and folders of workers."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.gateway.worker.answers import batch_content, content_of, head_of, parts_of
from mlrun_like.gateway.worker.confine import find_title
from mlrun_like.gateway.worker.events import RequestEvent, batch_events
from mlrun_like.gateway.worker.order import read_order
from mlrun_like.gateway.worker.platform import WorkerPlatform
from mlrun_like.gateway.worker.privileges import GROUP, _opened, closed_above, share
from mlrun_like.gateway.worker.rehearsal import rehearse, rehearse_start
from mlrun_like.gateway.worker.zygote import platform_folder

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def described(content: bytes, *, pipe: bool = False) -> int:
    """A descriptor with this content."""
    if pipe:
        reader, writer = os.pipe()
        os.write(writer, content)
        os.close(writer)
        return reader
    file = os.memfd_create("order")
    os.write(file, content)
    return file


@pytest.mark.parametrize("pipe", [False, True])
def test_an_order_is_read_from_any_descriptor(pipe: bool) -> None:
    content = {"project": "p", "name": "f", "document": {}, "kind": "nuclio", "new": [1],
               "env": {"A": 1, "B": None}, "modules": ["/m"]}  # fmt: skip
    found = read_order(described(json.dumps(content).encode(), pipe=pipe))
    assert (found.key, found.env, found.modules) == ("p/f", {"A": "1", "B": None}, ("/m",))
    assert found.sent > 0 and found.number("memory") == 0


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{}", b'{"document": []}', b'{"document": {}, "replica": "x"}']
)
def test_a_broken_order_is_refused(content: bytes) -> None:
    with pytest.raises(SpecError, match="order"):
        read_order(described(content))


def test_an_option_that_is_no_number_counts_as_its_default() -> None:
    content = b'{"document": {}, "options": {"memory": "lots", "concurrency": 3}}'
    found = read_order(described(content))
    assert found.number("memory") == 0 and found.number("concurrency") == 3


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n\r\n", b"GET", b"\xff\xff /\xff\r\n: \r\n:\r\nno colon\r\n\r\n", b"A / b c"],
)
def test_an_event_can_be_made_of_anything(content: bytes) -> None:
    event = RequestEvent(content)
    assert event.path is not None and event.body is not None
    assert isinstance(event.headers, dict) and isinstance(event.fields, dict)
    json.loads(event.to_json())


def test_a_query_with_too_many_fields_is_left_out() -> None:
    target = "/?" + "&".join(f"a{n}=1" for n in range(2000))
    assert RequestEvent(f"GET {target}".encode()).fields == {}


def test_a_batch_must_be_one() -> None:
    for body in (
        b"",
        b"5",
        b'{"events": 5}',
        b'{"events": [{"body64": "a"}]}',
        b'{"events": [[]]}',
    ):
        with pytest.raises(InvalidArgumentError, match="no batch"):
            batch_events(RequestEvent(b"POST /\r\n\r\n" + body))


def test_what_cannot_be_sent_is_refused() -> None:
    for headers in ({"a b": "c"}, {"a": "b\nc"}, {"a": "\0"}, {"": "x"}):
        with pytest.raises(ValueError, match="cannot be sent"):
            head_of(200, "text/plain", headers)
    for status in ("x", 99, 600, None):
        with pytest.raises((ValueError, TypeError)):
            parts_of((status, "text"))
    with pytest.raises(TypeError, match="list of responses"):
        batch_content(["1"], "text")


def test_the_length_and_the_connection_are_not_the_handlers_affair() -> None:
    response = SimpleNamespace(
        body="x",
        headers={"Content-Length": 99, "Connection": "close", "Content-Type": "a/b", "X": b"y"},
        status_code="201",
        content_type="text/plain",
    )
    assert content_of(response) == (
        b"\x00\xc9content-type: a/b\r\nX: y\r\ncontent-length: 1\r\n\r\nx"
    )


def test_the_platform_forgets_old_shards() -> None:
    sent: list[Any] = []
    platform = WorkerPlatform(lambda *frame: sent.append(frame))
    for shard in range(20_001):
        platform.seen("t", shard, "in")
    assert len(platform._triggers) <= 10_001


def test_the_title_has_a_place() -> None:
    start, size = find_title()
    assert sys.platform != "linux" or (start > 0 and size > 0)


def test_a_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    modules, path = set(sys.modules), list(sys.path)
    rehearse_start(str(tmp_path))
    assert set(sys.modules) == modules and sys.path == path
    assert rehearse(lambda: True) == []


def test_closed_folders_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (tmp_path / "a").chmod(0o700)
    found = closed_above(str(folder))
    assert found and str(tmp_path / "a").startswith(found)
    assert closed_above("/usr/bin") == ""


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_the_store_is_opened_to_the_group(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "artifacts" / "p").mkdir(parents=True)
    (home / "secrets").mkdir(mode=0o755)
    (home / "store.db").touch(0o600)
    (home / "config.yaml").touch(0o600)
    (home / "artifacts" / "p" / "model").write_text("x")
    (home / "outside").symlink_to("/etc")
    before = Path("/etc").stat()
    for _ in range(2):
        assert share(str(home)) == []
    assert Path("/etc").stat() == before
    modes = {
        name: (stat.S_IMODE(found.st_mode), found.st_gid)
        for name in ("", "artifacts/p", "secrets", "store.db", "config.yaml", "artifacts/p/model")
        for found in [(home / name).stat()]
    }
    assert modes[""] == (0o3770, GROUP)
    assert modes["artifacts/p"][0] & 0o2070 == 0o2070
    assert modes["store.db"] == (0o660, GROUP)
    assert modes["config.yaml"] == (0o640, GROUP)
    assert modes["secrets"][0] == 0o700
    assert modes["artifacts/p/model"][0] & 0o060 == 0o060


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_the_folder_of_the_platform_is_opened_and_closed_to_nobody(tmp_path: Path) -> None:
    platform = tmp_path / "v3io"
    (platform / "projects" / "p").mkdir(parents=True)
    (platform / "secrets").mkdir(mode=0o755)
    platform.chmod(0o755)
    assert share(str(platform), private=False) == []
    modes = [stat.S_IMODE((platform / name).stat().st_mode) for name in ("", "projects/p")]
    assert modes == [0o2775, 0o2775] and platform.stat().st_gid == GROUP
    assert stat.S_IMODE((platform / "secrets").stat().st_mode) == 0o2775
    assert sorted(path.name for path in platform.iterdir()) == ["projects", "secrets"]


@pytest.mark.parametrize(
    "root",
    [
        *("", "home", "home/..", "link", "v3io", "home/v3io"),
        *("home/secrets", "home/gateway/x", "keys", "elsewhere", "elsewhere/secrets"),
    ],
)
def test_a_platform_above_the_store_is_not_opened(tmp_path: Path, root: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "v3io").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "elsewhere" / "secrets").mkdir(parents=True)
    (home / "secrets").symlink_to(tmp_path / "elsewhere" / "secrets")
    (tmp_path / "keys").symlink_to(home / "secrets")
    given = str(tmp_path / root) if root else ""
    with config.override(v3io_root=given):
        found, notes = platform_folder(str(home))
    if root in ("", "v3io", "home/v3io"):
        assert (found, notes) == (given, [])
    else:
        assert found == "" and "is not opened to workers" in notes[0]


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_no_worker_can_make_what_only_the_owner_may_write(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert share(str(home)) == []
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "gateway").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "config.yaml").stat().st_mode) == 0o640
    assert (home / "config.yaml").stat().st_size == 0


def test_what_is_opened_to_the_group_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    folder = os.open(tmp_path, os.O_RDONLY)
    with _opened("file", folder) as found:
        assert os.path.samestat(os.fstat(found), (tmp_path / "file").stat())
    with pytest.raises(OSError, match="link"), _opened("link", folder):
        pass
    os.close(folder)


@pytest.mark.slow
def test_the_zygote_imports_nothing_heavy() -> None:
    code = (
        "import sys, mlrun_like.gateway.worker.zygote\n"
        "heavy = {'pandas', 'sklearn', 'torch', 'sqlalchemy', 'uvicorn', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
