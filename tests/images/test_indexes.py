"""pip's settings in uv's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.images.indexes import pip_settings, resolver_environment


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg"), **more}


def test_files_and_environment(tmp_path: Path) -> None:
    (tmp_path / "xdg" / "pip").mkdir(parents=True)
    conf = tmp_path / "xdg" / "pip" / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://a/simple\nextra-index-url =\n  https://b\n  https://c\n"
    )
    found = pip_settings(environ(tmp_path))
    assert found["index-url"] == "https://a/simple"
    assert found["extra-index-url"] == "https://b https://c"
    named = tmp_path / "mine.conf"
    named.write_text("[install]\nindex-url = https://d/simple\n")
    assert (
        pip_settings(environ(tmp_path, PIP_CONFIG_FILE=str(named)))["index-url"]
        == "https://d/simple"
    )
    given = pip_settings(environ(tmp_path, PIP_INDEX_URL="https://e/simple"))
    assert given["index-url"] == "https://e/simple"


@pytest.mark.parametrize(
    "text", ["", "no section = 1", "[global\n", "\0\xff", "[global]\nindex-url\n"]
)
def test_broken_files_are_passed_over(tmp_path: Path, text: str) -> None:
    named = tmp_path / "mine.conf"
    named.write_bytes(text.encode("latin-1"))
    assert "index-url" not in pip_settings({"PIP_CONFIG_FILE": str(named), "HOME": str(tmp_path)})


def test_uv_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    found = resolver_environment(
        {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": "https://a/simple",
            "PIP_EXTRA_INDEX_URL": "https://b https://c",
            "PIP_FIND_LINKS": "/one /two",
        }
    )
    assert found["UV_DEFAULT_INDEX"] == "https://a/simple"
    assert found["UV_INDEX"] == "https://b https://c"
    assert found["UV_FIND_LINKS"] == "/one,/two"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_what_is_set_for_uv_wins() -> None:
    found = resolver_environment({"UV_INDEX_URL": "https://u", "PIP_INDEX_URL": "https://p"})
    assert "UV_DEFAULT_INDEX" not in found
