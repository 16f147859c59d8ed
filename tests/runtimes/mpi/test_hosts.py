"""Hosts as users write them."""

from __future__ import annotations

import socket
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.runtimes.mpi.hosts import (
    Host,
    is_here,
    parse_hosts,
    read_hostfile,
    silent_hosts,
)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        (["a"], [Host("a")]),
        (["a:2,b:3"], [Host("a", 2), Host("b", 3)]),
        (["a slots=4", " b  slots = 2 max_slots = 4 "], [Host("a", 4), Host("b", 2)]),
        (["10.0.0.1:2"], [Host("10.0.0.1", 2)]),
        (["[fd00::2]:2"], [Host("fd00::2", 2)]),
        (["", " , "], []),
        ([], []),
        ("a:2", [Host("a", 2)]),
    ],
)
def test_parse(text: list[str], hosts: list[Host]) -> None:
    assert parse_hosts(text) == hosts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:0", "slots '0'"),
        ("a:-1", "slots '-1'"),
        ("a:two", "slots 'two'"),
        ("a:²", "slots '²'"),
        ("a slots=", "slots ''"),
        ("-x", "'-x' is no host"),
        ("--mca x", "is no host"),
        ("a;rm -rf /", "is no host"),
        ("$(id)", "is no host"),
        ("a b c", "is no host"),
        ("a:1:2", "is no host"),
        ("a,b,a:2", "'a' is named twice"),
    ],
)
def test_what_is_no_host(text: str, told: str) -> None:
    with pytest.raises(InvalidArgumentError) as error:
        parse_hosts([text], "here")
    assert told in str(error.value)
    assert "here" in str(error.value)


def test_hosts_are_texts() -> None:
    with pytest.raises(InvalidArgumentError, match="is no text"):
        parse_hosts([3])  # type: ignore[list-item]


@given(st.text(max_size=40))
def test_any_text_is_hosts_or_an_error(text: str) -> None:
    try:
        found = parse_hosts([text])
    except InvalidArgumentError:
        return
    assert all(host.slots > 0 and not host.name.startswith("-") for host in found)


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("# all\na slots=2\n\nb  # the other\n")
    assert read_hostfile(str(file)) == [Host("a", 2), Host("b")]
    with pytest.raises(MissingFileError, match="does not exist"):
        read_hostfile(str(tmp_path / "none"))
    file.write_bytes(b"\xff\xfe\0")
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        read_hostfile(str(file))
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        read_hostfile(str(tmp_path))


def test_here() -> None:
    assert is_here("localhost")
    assert is_here(socket.gethostname())
    assert not is_here("some-other-host")


def test_silent_hosts(tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.write_text(
        "#!/bin/sh\ncase $1 in\ngood) exit 0;;\nslow) sleep 30;;\n"
        "*) echo first >&2; echo no such host $1 >&2; exit 255;;\nesac\n"
    )
    agent.chmod(agent.stat().st_mode | stat.S_IXUSR)
    begin = time.monotonic()
    hosts = [Host("good"), Host("slow"), Host("bad"), Host("localhost")]
    found = silent_hosts(hosts, str(agent), 0.5)
    assert time.monotonic() - begin < 5
    assert found == {"slow": "no answer within 0.5 s", "bad": "no such host bad"}
    missing = silent_hosts([Host("x")], str(tmp_path / "nothing"), 1)
    assert "No such file" in missing["x"]
    assert silent_hosts([Host("x")], "", 1)
