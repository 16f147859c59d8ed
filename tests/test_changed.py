"""Which tests `make check` takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.changed import affected, main

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("mlrun_like/names.py", ["mlrun_like/names.py", "tests/test_names.py"]),
        (
            "mlrun_like/packaging/loader.py",
            ["mlrun_like/packaging/loader.py", "tests/packaging/test_loader.py"],
        ),
        ("mlrun_like/specs/engines.py", ["mlrun_like/specs/engines.py", "tests/specs"]),
        ("tests/packaging/test_loader.py", ["tests/packaging/test_loader.py"]),
        ("tests/servers.py", []),
        ("docs/errors.md", ["tests/docs"]),
        ("bench/common.py", []),
    ],
)
def test_the_tests_of_a_file(path: str, expected: list[str]) -> None:
    assert affected(path, ROOT) == expected


def test_what_changed_since_the_last_commit(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    for name in ("mlrun_like/a/one.py", "tests/a/test_one.py", "tests/a/test_two.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    git("init")
    git("add", ".")
    git("commit", "-m", "all")
    (tmp_path / "mlrun_like/a/one.py").write_text("x = 1\n")
    assert main(tmp_path) == ["mlrun_like/a/one.py", "tests/a/test_one.py"]
    (tmp_path / "mlrun_like/a/new.py").write_text("")
    assert main(tmp_path) == ["mlrun_like/a/new.py", "mlrun_like/a/one.py", "tests/a"]
