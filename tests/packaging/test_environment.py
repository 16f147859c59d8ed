"""Requirements and the captured environment."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import pytest

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.environment import capture_environment, imports_in
from mlrun_like.packaging.requirements import distribution_name, read_requirements


def test_requirements(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("numpy>=1 \\\n  ,<3\nscikit-learn[all]~=1.4  # note\n")
    path = tmp_path / "requirements.txt"
    path.write_text(
        "# all\n\npandas\n-r more.txt\n--extra-index-url https://x.example/simple\n"
        "git+https://x.example/a/b.git@main\nname @ https://x.example/a.whl\n./local\n"
        "a==1.0; python_version < '3.12'\nb==2 --hash=sha256:00\n-e .\nc (>=1)\n"
    )
    lines = read_requirements(["pandas", "", "  torch ", "# no"], str(path))
    assert lines == [
        "pandas", "numpy>=1    ,<3", "scikit-learn[all]~=1.4",
        "--extra-index-url https://x.example/simple", "git+https://x.example/a/b.git@main",
        "name @ https://x.example/a.whl", "./local", "a==1.0; python_version < '3.12'",
        "b==2 --hash=sha256:00", "-e .", "c (>=1)", "torch",
    ]  # fmt: skip
    assert read_requirements(str(path))[0] == "pandas"
    assert read_requirements(None) == [] == read_requirements([])


@pytest.mark.parametrize("line", ["=1.0", "a b c", "pandas=2", "pan$das", "x" + "\0", ">=3"])
def test_broken_requirement(tmp_path: Path, line: str) -> None:
    with pytest.raises(PackagingError, match="item 2"):
        read_requirements(["ok", line])
    path = tmp_path / "r.txt"
    path.write_text(f"ok\n\n{line}\n")
    with pytest.raises(PackagingError, match=r"r\.txt:3"):
        read_requirements(None, str(path))


def test_broken_requirement_files(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="cannot be read"):
        read_requirements(None, str(tmp_path / "none.txt"))
    (tmp_path / "loop.txt").write_text("-r loop.txt")
    with pytest.raises(PackagingError, match="each other"):
        read_requirements(None, str(tmp_path / "loop.txt"))
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(PackagingError, match="cannot be read"):
        read_requirements(None, str(tmp_path / "binary.txt"))
    with pytest.raises(PackagingError, match="not text"):
        read_requirements([3])  # type: ignore[list-item]


def test_hostile_requirement_is_refused_quickly() -> None:
    began = time.perf_counter()
    with pytest.raises(PackagingError):
        read_requirements(["a" + "<=1," * 5000 + "$"])
    with pytest.raises(PackagingError):
        read_requirements(["a" + "-." * 50_000])
    assert time.perf_counter() - began < 2


def test_distribution_name() -> None:
    assert distribution_name("PyYAML==6") == "pyyaml"
    assert distribution_name("git+https://x.example/a.git") == ""
    assert distribution_name("name @ https://x.example/a.whl") == "name"


def test_lock_is_the_closure_of_what_is_used() -> None:
    found = capture_environment(["pandas>=2"], ["yaml", "os", "not_installed"])
    assert found.python == platform.python_version()
    assert {"pandas", "numpy", "pyyaml"} <= set(found.lock)
    assert "pytest" not in found.lock and "sqlalchemy" not in found.lock
    assert found.requirements == ["pandas>=2"]
    assert found.lock_hash != capture_environment().lock_hash


def test_lock_is_cached_and_not_shared() -> None:
    first = capture_environment(["pandas"])
    first.lock["pandas"] = "changed"
    began = time.perf_counter()
    second = capture_environment(["pandas"])
    assert time.perf_counter() - began < 0.005
    assert second.lock["pandas"] != "changed"


def test_imports_in() -> None:
    code = "import os, numpy.linalg\nfrom . import x\ndef f():\n    from yaml import y"
    assert imports_in(code) == ["numpy", "yaml"]
    assert imports_in("def (") == []
