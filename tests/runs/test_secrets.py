from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.functions.decorators import function
from mlrun_like.functions.tasks import new_task
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.secrets import find_secret, public_sources, read_env_file, resolve_sources
from mlrun_like.specs.values import HyperParamOptions

if TYPE_CHECKING:
    from tests.runs.conftest import Bench

CANARY = "canary-7f3b"


def test_env_files(tmp_path: Path) -> None:
    file = tmp_path / "x.env"
    file.write_text(
        "\ufeffA=1\n# comment\n\n export B = two words \nC='quoted # x'\nD=\"a=b\"\nE=\nF='\r\n",
        encoding="utf-8",
    )
    assert read_env_file(file) == {
        "A": "1",
        "B": "two words",
        "C": "quoted # x",
        "D": "a=b",
        "E": "",
        "F": "'",
    }
    file.write_text("")
    assert read_env_file(str(file)) == {}


@pytest.mark.parametrize("text", [b"A=1\nno mark", b"=x", b"1A=x", b"A B=x", b"\xff\xfe\x00"])
def test_bad_env_files(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "x.env"
    file.write_bytes(text)
    with pytest.raises(InvalidArgumentError) as caught:
        read_env_file(file)
    assert "x.env" in str(caught.value)


def test_a_missing_env_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_env_file(tmp_path / "nowhere")
    with pytest.raises(InvalidArgumentError):
        read_env_file(tmp_path)


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.env"
    file.write_text("A=file\nB=file")
    monkeypatch.setenv("C", "env")
    sources: list[dict[str, Any]] = [
        {"kind": "file", "source": str(file)},
        {"kind": "inline", "source": {"B": 2}},
        {"kind": "env", "source": "C, absent,"},
    ]
    assert resolve_sources(sources) == {"A": "file", "B": "2", "C": "env"}
    assert public_sources(sources) == [
        {"kind": "file", "source": str(file)},
        {"kind": "inline", "source": ["B"]},
        {"kind": "env", "source": "C, absent,"},
    ]


@pytest.mark.parametrize(
    "source",
    [{"kind": "vault", "source": []}, {}, {"kind": "inline", "source": "a"}, {"kind": "env"}],
)
def test_bad_sources_do_not_show_their_values(source: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        resolve_sources([source])


def test_where_a_secret_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", "env")
    monkeypatch.setenv("MLRUN_K8S_SECRET__K", "cluster")
    assert find_secret("K", {"K": ""}) == ""
    assert find_secret("K", {}) == "env"
    monkeypatch.delenv("K")
    assert find_secret("K", {}) == "cluster"
    assert find_secret("absent", {}) is None


@function(kind="process")
def in_a_process(context: MLClientCtx, x: int = 0, fail: bool = False) -> int:
    secret = context.get_secret("KEY") or ""
    if fail:
        raise ValueError("after reading the secret")
    return len(secret) + x


def files_with(folder: Path, text: str) -> list[str]:
    """Files below a folder that hold a text."""
    return [str(f) for f in folder.rglob("*") if f.is_file() and text.encode() in f.read_bytes()]


def test_secrets_are_not_recorded(bench: Bench, home: Path, tmp_path: Path) -> None:
    def handler(context: MLClientCtx, fail: bool = False) -> int:
        secret = context.get_secret("KEY") or ""
        if fail:
            raise ValueError("after reading the secret")
        return len(secret)

    task = new_task("t").with_secrets("inline", {"KEY": CANARY})
    assert CANARY not in str(task.to_dict())
    run = bench.run(handler, runspec=task)
    assert run.output("return") == len(CANARY)
    assert run.spec.secret_sources == [{"kind": "inline", "source": ["KEY"]}]
    with pytest.raises(RuntimeError):
        bench.run(handler, runspec=task, params={"fail": True})
    bench.store.flush()
    assert files_with(home, CANARY) == []
    assert files_with(home, "after reading the secret") != []


def test_secrets_of_processes_are_not_recorded(bench: Bench, home: Path) -> None:
    task = new_task("t").with_secrets("inline", {"KEY": CANARY})
    assert in_a_process.run(runspec=task).output("return") == len(CANARY)
    with pytest.raises(RuntimeError):
        in_a_process.run(runspec=task, params={"fail": True})
    run = in_a_process.run(
        runspec=task,
        local=True,
        hyperparams={"x": [1, 2]},
        hyper_param_options=HyperParamOptions(parallel_runs=2, selector="return"),
    )
    assert run.output("return") == len(CANARY) + 2
    bench.store.flush()
    assert files_with(home, CANARY) == []
