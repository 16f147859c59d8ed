"""URLs for which settings name a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like import get_dataitem
from mlrun_like.artifacts.mapped import mapped_url
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, InvalidArgumentError


def test_v3io_is_a_folder(tmp_path: Path) -> None:
    config.v3io_root = str(tmp_path)
    item = get_dataitem("v3io:///projects/p/a.txt")
    item.put("hello")
    assert item.url == "v3io:///projects/p/a.txt" and item.get() == b"hello"
    assert (tmp_path / "projects" / "p" / "a.txt").read_text() == "hello"
    assert get_dataitem("v3io://users/me/b.txt").url.startswith("v3io://users")
    assert mapped_url("v3io://users/me/b.txt") == f"{tmp_path}/users/me/b.txt"
    assert mapped_url("v3io://webapi.host.com:8081/users/b") == f"{tmp_path}/users/b"
    assert get_dataitem("v3io:///projects/p").listdir() == ["a.txt"]
    for path in ("../etc/passwd", "a/../../etc", "%2e%2e/etc", "a/.%2E/etc"):
        with pytest.raises(InvalidArgumentError, match="leads out"):
            mapped_url(f"v3io:///{path}")
    assert mapped_url("v3io:///p/50%25..csv") == f"{tmp_path}/p/50%25..csv"


def test_the_longest_beginning_wins(tmp_path: Path) -> None:
    config.url_map = f"https://h/a/={tmp_path}; https://h/a/b/=s3://bucket/x"
    assert mapped_url("https://h/a/c.csv") == f"{tmp_path}/c.csv"
    assert mapped_url("https://h/a/b/c.csv") == "s3://bucket/x/c.csv"
    assert mapped_url("https://h/ab/c.csv") == "https://h/ab/c.csv"
    assert mapped_url("data/a.csv") == "data/a.csv" and mapped_url("https://h/a/") == str(tmp_path)


@pytest.mark.parametrize("text", ["nothing", "a=b", "https://h=", ";;x://"])
def test_maps_that_cannot_be_read(text: str) -> None:
    config.url_map = text
    with pytest.raises(ConfigError, match="url_map"):
        mapped_url("https://h/a")
