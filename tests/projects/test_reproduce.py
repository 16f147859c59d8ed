"""Recorded runs made anew."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading
from pathlib import Path

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError, RunError
from mlrun_like.functions.creators import import_function
from mlrun_like.functions.decorators import function
from mlrun_like.projects import MlrunProject, new_project
from mlrun_like.projects.comparing import compare_environment
from mlrun_like.projects.reproduce import LABEL, reproduce
from mlrun_like.specs.function import Environment
from tests.projects.conftest import Git


@function(returns=["n"])
def count(path: str) -> int:
    """A result that is never the same."""
    file = Path(path)
    number = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(number))
    return number


@function()
def broken(x: int) -> None:
    """Fails."""
    raise ValueError(f"bad {x}")


def test_the_same_again(project: MlrunProject, tmp_path: Path) -> None:
    data = project.log_dataset("input", pd.DataFrame({"x": [1, 2]}))
    run = project.run_function("train", params={"depth": 4}, inputs={"df": data.uri})
    done = reproduce(run.uri, tmp_path / "again")
    assert done.same and done.run is not None
    assert done.run.metadata.labels[LABEL] == run.metadata.uid
    assert "nothing differs" in str(done)
    assert done.inputs == {"df": data.spec.digest}
    lock = (tmp_path / "again" / "requirements.lock").read_text()
    assert f"pandas=={pd.__version__}" in lock
    assert "def train" in (tmp_path / "again" / "code" / "train.py").read_text()
    row = json.loads((tmp_path / "again" / "run.json").read_text())
    assert row["parameters"] == {"depth": 4}
    assert json.loads((tmp_path / "again" / "report.json").read_text())["same"] is True
    with pytest.raises(InvalidArgumentError, match="not empty"):
        reproduce(run, tmp_path / "again")


def test_what_differs_is_told(project: MlrunProject, folder: Path, tmp_path: Path) -> None:
    data = project.log_dataset("input", pd.DataFrame({"x": [1, 2]}), format="csv")
    extra = tmp_path / "extra.csv"
    run = project.run_function("train", params={"depth": 4}, inputs={"df": data.uri})
    # the file changes, its data too; what runs is the recorded version all the same
    source = folder / "train.py"
    source.write_text(source.read_text().replace("depth / 10", "depth / 20"))
    pd.DataFrame({"x": [1, 2, 3]}).to_csv(data.target_path, index=False)
    done = reproduce(run)
    kinds = {item.what for item in done.differences}
    assert {"code", "input", "artifact"} <= kinds and "parameter" not in kinds
    assert done.run is not None and done.run.output("accuracy") == 0.4
    assert not done.same and "code" in str(done)
    extra.write_text("x\n1\n")
    plain = project.run_function("train", inputs={"df": str(extra)})
    extra.unlink()
    prepared = reproduce(plain, execute=False)
    assert prepared.run is None and not prepared.same
    assert any("cannot be read" in str(item.after) for item in prepared.differences)


def test_a_random_result(tmp_path: Path) -> None:
    counter = tmp_path / "count"

    run = count.run(params={"path": str(counter)})
    done = reproduce(run)
    assert [(d.what, d.name, d.before, d.after) for d in done.differences] == [
        ("result", "n", 1, 2)
    ]


def test_a_failed_run_fails_again() -> None:
    with pytest.raises(RunError) as caught:
        broken.run(params={"x": 1})
    done = reproduce(caught.value.where.split()[-1])
    assert done.run is not None and done.run.status.state == "error" and done.same


def test_what_is_not_recorded() -> None:
    with pytest.raises(NotFoundError):
        reproduce("demo@0123456789abcdef")


def test_packages() -> None:
    found = compare_environment(
        Environment(python="2.7.1", lock={"pandas": "0.1", "no-such-package": "1"})
    )
    assert [(item.what, item.name) for item in found] == [
        ("python", "version"),
        ("package", "no-such-package"),
        ("package", "pandas"),
    ]
    assert found[1].after is None


def test_code_that_could_not_be_captured() -> None:
    @function()
    def inner() -> int:
        return 1

    with pytest.raises(NotFoundError, match="code of the run is not recorded"):
        reproduce(inner.run())


def test_plain_files_are_known_again(project: MlrunProject, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("x\n1\n")
    run = project.run_function("train", inputs={"df": str(file)})
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    assert run.status.input_digests == {"df": before}
    assert not reproduce(run, execute=False).differences
    file.write_text("x\n2\n")
    (found,) = reproduce(run, execute=False).differences
    assert (found.what, found.name, found.before) == ("input", "df", before)


def test_a_url_is_known_by_its_mark(project: MlrunProject, tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    file = tmp_path / "www" / "data.csv"
    file.write_text("x\n1\n")
    handler = functools.partial(_Quiet, directory=str(file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/data.csv"
        run = project.run_function("train", inputs={"df": url})
        assert not reproduce(run, execute=False).differences
        file.write_text("x\n1\n2\n")
        (found,) = reproduce(run, execute=False).differences
        server.shutdown()
        thread.join()
    assert found.what == "input" and found.before.startswith("modified:")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_repository_at_the_commit_it_had(origin: Path, git: Git, tmp_path: Path) -> None:
    project = new_project("demo", tmp_path / "demo")
    (tmp_path / "demo" / "train.py").write_text((tmp_path / "author" / "train.py").read_text())
    project.set_source(f"git+file://{origin}#refs/heads/main", pull_at_runtime=True)
    project.set_function("train.py", "train", kind="local", handler="train", with_repo=True)
    run = project.run_function("train", params={"depth": 3})
    assert run.output("accuracy") == 0.3
    work = tmp_path / "author"
    source = work / "train.py"
    source.write_text(source.read_text().replace("depth / 10", "depth / 20"))
    git("commit", "--quiet", "--all", "--message", "other", cwd=work)
    git("push", "--quiet", str(origin), "main", cwd=work)
    done = reproduce(run, tmp_path / "again")
    assert done.same and done.run is not None and done.run.output("accuracy") == 0.3
    (found,) = done.differences
    assert found.what == "code" and found.after == git("rev-parse", "HEAD", cwd=work)
    row = json.loads((tmp_path / "again" / "run.json").read_text())
    assert row["source"].endswith(f"#{found.before}")


def test_a_loaded_function_that_was_changed_is_a_version_of_its_own(project: MlrunProject) -> None:
    first = project.get_function("train").run(params={"depth": 1})
    changed = import_function("db://demo/train")
    changed.spec.description = "changed"
    second = changed.run(params={"depth": 2})
    assert first.spec.function != second.spec.function
    for run in (first, second):
        assert reproduce(run).same
    assert import_function(f"db://{first.spec.function}").spec.description == ""
