"""Plug-ins: built-in, installed by another package, broken, contradictory, missing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like import registry
from mlrun_like.compat.finder import AliasFinder
from mlrun_like.errors import ConflictError, MissingDependencyError, UnknownNameError

Install = Callable[..., None]

ECHO = """
from mlrun_like.runtimes.local import LocalRuntime


class EchoRuntime(LocalRuntime):
    kind = "echo"

    def attempt(self, job):
        job.run.status.status_text = "echoed"
        return super().attempt(job)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package: its code and its metadata in a folder on `sys.path`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules = set(sys.modules)

    def add(name: str, points: str, code: str = "", group: str = "runtimes") -> None:
        (site / f"{name}.py").write_text(code, encoding="utf-8")
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[mlrun_like.{group}]\n{points}\n")
        importlib.invalidate_caches()
        registry._entry_points.cache_clear()

    yield add
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
            del sys.modules[name]
    registry._entry_points.cache_clear()


def test_built_in_names_resolve() -> None:
    for group, rows in registry.BUILT_IN.items():
        for name in rows:
            if name not in ("xgboost", "lightgbm"):
                assert registry.load(group, name) is not None
    assert {"local", "process"} <= set(registry.known("runtimes"))
    assert registry.known("nothing-of-the-kind") == []


def test_the_table_cannot_be_changed() -> None:
    table: Any = registry.BUILT_IN
    with pytest.raises(TypeError):
        table["runtimes"] = {}
    with pytest.raises(TypeError):
        table["runtimes"]["x"] = "y"


def test_an_installed_kind_runs_functions(install: Install) -> None:
    install("echo_kind", "echo = echo_kind:EchoRuntime", ECHO)
    assert "echo" in registry.known("runtimes")

    @ml.function(kind="echo", returns=["total"])
    def add(a: int, b: int = 1) -> int:
        return a + b

    run = add.run(params={"a": 1})
    assert run.outputs["total"] == 2
    assert run.status.status_text == "echoed" and run.metadata.labels["kind"] == "echo"


def test_a_plug_in_is_imported_on_first_use_only(install: Install) -> None:
    install("echo_kind", "echo = echo_kind:EchoRuntime", ECHO)
    assert "echo" in registry.known("runtimes") and "echo_kind" not in sys.modules
    registry.load("runtimes", "echo")
    assert "echo_kind" in sys.modules


def test_two_providers_of_one_name_are_a_conflict(install: Install) -> None:
    install("first", "echo = first:EchoRuntime", ECHO)
    install("second", "echo = second:EchoRuntime", ECHO)
    with pytest.raises(ConflictError) as caught:
        registry.load("runtimes", "echo")
    assert "first:EchoRuntime" in caught.value.what and "second:EchoRuntime" in caught.value.what
    assert caught.value.fix == "uninstall one of them"


def test_a_built_in_name_cannot_be_taken(install: Install) -> None:
    install("usurper", "local = usurper:EchoRuntime", ECHO)
    with pytest.raises(ConflictError, match=r"kind 'local': mlrun_like\.runtimes.*usurper:Echo"):
        registry.known("runtimes")
    assert registry.load("runtimes", "local").__module__ == "mlrun_like.runtimes.local"


def test_the_same_entry_point_seen_twice_is_no_conflict(install: Install, tmp_path: Path) -> None:
    install("echo_kind", "echo = echo_kind:EchoRuntime", ECHO)
    again = tmp_path / "site" / "copy_of_it-2.0.dist-info"
    again.mkdir()
    (again / "METADATA").write_text("Metadata-Version: 2.1\nName: copy-of-it\nVersion: 2.0\n")
    (again / "entry_points.txt").write_text("[mlrun_like.runtimes]\necho = echo_kind:EchoRuntime\n")
    registry._entry_points.cache_clear()
    assert registry.load("runtimes", "echo").kind == "echo"


@pytest.mark.parametrize(
    ("points", "code"),
    [
        ("echo = gone_away:EchoRuntime", ""),
        ("echo = broken_kind:Missing", ""),
        ("echo = broken_kind:EchoRuntime", "import a_package_that_is_not_there"),
    ],
)
def test_a_broken_plug_in_names_its_package(install: Install, points: str, code: str) -> None:
    install("broken_kind", points, code)
    with pytest.raises(MissingDependencyError) as caught:
        registry.load("runtimes", "echo")
    assert "kind 'echo' cannot be loaded" in caught.value.what
    assert "broken_kind" in caught.value.where and "broken_kind" in caught.value.fix
    assert isinstance(caught.value.__cause__, (ImportError, AttributeError))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.load("runtimes", "procss")
    assert caught.value.what == "unknown kind 'procss'. Did you mean 'process'?"
    assert "local" in caught.value.fix
    with pytest.raises(UnknownNameError, match="unknown packer ''") as caught:
        registry.load("packers", "")
    with pytest.raises(UnknownNameError) as caught:
        registry.load("no such group", "redis")
    assert caught.value.fix == "use one of: none are registered"


def test_a_missing_optional_package_says_which_extra_brings_it() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        registry.require("no_such_package.part", extra="s3", feature="reading s3:// URLs")
    assert str(caught.value) == (
        "reading s3:// URLs needs the package 'no_such_package.part', which is not installed\n"
        '  fix: pip install "mlrun-like[s3]"'
    )
    assert isinstance(caught.value, ImportError)


def test_a_package_that_lacks_its_own_dependency_says_so_itself(install: Install) -> None:
    install("half_there", "", "import its_own_dependency")
    with pytest.raises(ModuleNotFoundError, match="its_own_dependency"):
        registry.require("half_there", extra="x", feature="y")


def test_an_installed_package_is_returned() -> None:
    assert registry.require("json.decoder", extra="x", feature="y").__name__ == "json.decoder"


def test_what_the_switch_stands_in_with_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "kfp"]:
        monkeypatch.delitem(sys.modules, name)
    # as where the real one is not installed: then the switch's finder is asked
    monkeypatch.setattr(sys, "meta_path", [AliasFinder(["kfp"]), *sys.meta_path])
    assert importlib.import_module("kfp").dsl
    with pytest.raises(MissingDependencyError, match="'kfp', which is not installed"):
        registry.require("kfp", feature="this", extra="kfp")
    for name in [name for name in sys.modules if name.partition(".")[0] == "kfp"]:
        del sys.modules[name]
