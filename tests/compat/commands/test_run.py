"""`mlrun run`: files, programs, functions, what an image is started with."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.cli.older.chosen import Wanted, function_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.compat.commands.conftest import Answer, Mlrun


def _dumped(answer: Answer) -> dict[str, Any]:
    """The run that `--dump` printed after what the run itself did."""
    found: dict[str, Any] = yaml.safe_load(answer.out[answer.out.rindex("kind: run") :])
    return found


def test_a_handler_with_all_that_describes_its_run(mlrun: Mlrun, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data.txt").write_text("12345")
    run = _dumped(
        mlrun(
            *("run", "train.py", "--handler", "train", "-p", "depth=5", "-i", "data=data.txt"),
            *("--in-path", "in", "--out-path", str(tmp_path / "out"), "--name", "My run"),
            *("--uid", "123457", "--project", "demo", "--label", "team=a", "--workflow", "w1"),
            *("--returns", "level", "--verbose", "--dump"),
        )
    )
    meta, spec = run["metadata"], run["spec"]
    assert (meta["name"], meta["uid"], meta["project"]) == ("my-run", "123457", "demo")
    assert meta["labels"]["team"] == "a" and meta["labels"]["workflow"] == "w1"
    assert spec["input_path"] == "in" and spec["output_path"] == str(tmp_path / "out")
    assert run["status"]["results"] == {"accuracy": 10, "rows": 5, "level": 5}
    assert open_store().read_run("demo", "123457")["status"]["state"] == "completed"


def test_without_dump_it_says_how_it_ended(mlrun: Mlrun) -> None:
    answer = mlrun("run", "--handler", "train", "train.py")
    assert "status=completed" in answer.out and "status: completed" in answer.out
    assert "training 3" in answer.out and "accuracy: 6" in answer.out
    answer = mlrun("run", "--handler", "train", "-p", "depth=500", "train.py", code=1)
    assert "Runtime error:" in answer.out and "ValueError: too deep" in answer.err


def test_a_class_and_a_module(mlrun: Mlrun) -> None:
    run = _dumped(mlrun("run", "train.py", "--handler", "Model::fit", "-p", "x=8", "--dump"))
    assert run["status"]["results"]["fitted"] == 8
    run = _dumped(mlrun("run", "--handler", "json.dumps", "-p", "obj=[6,7]", "--dump"))
    assert run["status"]["results"] == {"return": "[6, 7]"}


def test_a_whole_file_gets_its_words(mlrun: Mlrun) -> None:
    run = _dumped(mlrun("run", "--dump", "-p", "p=1", "'train.py -x {p}'"))
    assert run["status"]["results"]["words"] == ["-x", "1"]
    run = _dumped(mlrun("run", "--dump", "--", "train.py", "--some-arg", "v"))
    assert run["status"]["results"]["words"] == ["--some-arg", "v"]


def test_a_sweep_over_a_whole_file(mlrun: Mlrun, tmp_path: Path) -> None:
    words = ("run", "train.py", "-x", "depth=[1, 4, 2]", "--selector", "max.accuracy", "--dump")
    run = _dumped(mlrun(*words))
    assert run["status"]["results"] == {"words": [], "accuracy": 8, "best_iteration": 2}
    assert [row[1] for row in run["status"]["iterations"][1:]] == [1, 2, 3]
    children = open_store().list_runs(RunQuery(uid=run["metadata"]["uid"], iterations=True))
    assert len(children) == 4
    (tmp_path / "values.csv").write_text("depth\n7\n8\n")
    options = '{"max_errors": 3}'
    more = ("run", "train.py", "--handler", "train", "--param-file", "values.csv")
    run = _dumped(mlrun(*more, "--hyper-param-options", options, "--dump"))
    assert [row[-2] for row in run["status"]["iterations"][1:]] == [14, 16]


def test_any_program(mlrun: Mlrun) -> None:
    words = ("run", "--mode", "pass", "--uid", "u1", "-p", "x=33", "--dump")
    mlrun(*words, f"'{sys.executable} -c print({{x}})'")
    assert open_store().read_log("default", "u1") == b"33\n"
    answer = mlrun("run", "--mode", "pass", f"{sys.executable} -c exit(3)", code=1)
    assert "exit code 3" in answer.err


@pytest.mark.parametrize("words", [("--bad", "train.py"), ("--name", "x", "--", "-bad")])
def test_what_looks_like_an_option_is_no_file(mlrun: Mlrun, words: tuple[str, ...]) -> None:
    answer = mlrun("run", *words, code=2)
    assert "Invalid value for '[URL]': URL (-" in answer.err
    assert "'mlrun run --option1 --option2 -- [URL] [--arg1|arg1] [--arg2|arg2]'" in answer.err


def _carried(code: str) -> str:
    return base64.b64encode(code.encode()).decode()


_ARGV = "import sys, mlrun\nmlrun.get_or_create_ctx('c').log_result('argv', sys.argv)\n"


def test_code_and_task_in_the_environment(mlrun: Mlrun, tmp_path: Path) -> None:
    task = {"spec": {"parameters": {"x": "b"}}, "metadata": {"uid": "u2", "name": "tst"}}
    given = {"MLRUN_EXEC_CODE": _carried(_ARGV), "MLRUN_EXEC_CONFIG": json.dumps(task)}
    run = _dumped(mlrun("run", "--from-env", "--dump", "'main.py -x {x}'", **given))
    assert run["metadata"]["uid"] == "u2" and run["metadata"]["name"] == "tst"
    assert run["status"]["results"]["argv"] == ["main.py", "-x", "b"]
    given = {"MLRUN_EXEC_CODE": given["MLRUN_EXEC_CODE"]}
    words = ("run", "--from-env", "--dump", "--origin-file", "a/my.py", "*", "--arg", "v")
    assert _dumped(mlrun(*words, **given))["status"]["results"]["argv"] == ["my.py", "--arg", "v"]
    assert (tmp_path / "my.py").read_text() == _ARGV
    given = {"MLRUN_EXEC_CODE": _carried('echo "got $1"')}
    mlrun("run", "--from-env", "--mode", "pass", "--uid", "u3", "bash {codefile} it", **given)
    assert open_store().read_log("default", "u3") == b"got it\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from-env", "main.jar"), "must specify a .py file when not in 'pass' mode"),
        (("--from-env", "--mode", "pass", "java main"), "must be specified with '{codefile}'"),
        (("-r", "[1]", "train.py"), "Runtime parameter must be a dict, not <class 'list'>"),
    ],
)
def test_wrong_words_end_with_code_1(mlrun: Mlrun, words: tuple[str, ...], said: str) -> None:
    assert said in mlrun("run", *words, code=1, MLRUN_EXEC_CODE=_carried("1")).out


@pytest.mark.parametrize(
    ("spec", "said"),
    [("x", "spec"), ({"build": "x"}, "spec.build"), ({"build": {"origin_filename": 5}}, "5")],
)
def test_carried_code_with_a_broken_document(
    mlrun: Mlrun, tmp_path: Path, spec: object, said: str
) -> None:
    text = json.dumps({"kind": "local", "spec": spec})
    words = ("run", "main.py", "--from-env", "-r", text)
    err = mlrun(*words, code=1, MLRUN_EXEC_CODE=_carried("1")).err
    assert "--runtime" in err and said in err and "Input should be" in err
    assert not (tmp_path / "main.py").exists()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MLRUN_EXEC_CONFIG": "{"}, "not JSON"),
        ({"MLRUN_EXEC_CONFIG": "[1]"}, "a task is an object"),
        ({"MLRUN_EXEC_CODE": "%%%"}, "not base64"),
        ({"MLRUN_EXEC_CODE": "/w=="}, "not base64"),
    ],
)
def test_a_broken_environment(mlrun: Mlrun, variables: dict[str, str], said: str) -> None:
    assert said in mlrun("run", "--from-env", "main.py", code=1, **variables).err


def test_a_star_needs_code(mlrun: Mlrun) -> None:
    assert "placeholder is not allowed" in mlrun("run", "*", "--x", "1", code=1).out
    assert "run needs a file" in mlrun("run", code=1).err
    assert "'nothing.py' does not exist" in mlrun("run", "nothing.py", code=1).err


def test_documents_records_and_names(mlrun: Mlrun, tmp_path: Path) -> None:
    import mlrun_like as ml

    project = ml.get_or_create_project("first", str(tmp_path / "p"))
    made = ml.code_to_function("fn", filename="train.py", kind="job", handler="train", image="i")
    made.metadata.project = "first"
    made.save()
    made.export("fn.yaml")
    run = _dumped(mlrun("run", "-f", "fn.yaml", "--local", "--dump"))
    assert run["status"]["results"]["accuracy"] == 6 and run["metadata"]["labels"]["kind"] == "job"
    mlrun("run", "-f", "db://first/fn", "--project", "second", "--ensure-project", "--local")
    assert open_store().read_function("second", "fn")["metadata"]["project"] == "second"
    del project
    with pytest.raises(NotFoundError):
        open_store().read_function("third", "fn")
    assert "does not exist" in mlrun("run", "-f", "none.yaml", code=1).err


def test_a_function_of_the_project_here(mlrun: Mlrun, tmp_path: Path) -> None:
    row = {"url": "train.py", "name": "simple", "kind": "local", "handler": "train"}
    document = {"kind": "project", "metadata": {"name": "demo"}, "spec": {"functions": [row]}}
    (tmp_path / "project.yaml").write_text(yaml.safe_dump(document))
    run = _dumped(mlrun("run", "-f", "simple", "-p", "depth=2", "--dump"))
    assert run["status"]["results"]["accuracy"] == 4


def test_a_task_file_and_secrets(mlrun: Mlrun, tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("metadata: {name: t1}\nspec: {parameters: {depth: 9}}\n")
    (tmp_path / "my.env").write_text("TOKEN=abcdef\n")
    words = ("run", "train.py", "--handler", "train", "--task", "task.yaml", "--dump")
    run = _dumped(mlrun(*words, "-s", "file=my.env"))
    assert run["metadata"]["name"] == "t1" and run["status"]["results"]["accuracy"] == 18
    assert "abcdef" not in json.dumps(run)
    with pytest.raises(InvalidArgumentError, match="kind=source"):
        from mlrun_like.cli.older.values import sources_of

        sources_of(["my.env"])


def test_inline_secrets_are_used_and_not_written(mlrun: Mlrun, tmp_path: Path) -> None:
    code = "def go(context):\n    context.log_result('n', len(context.get_secret('TOKEN')))\n"
    (tmp_path / "go.py").write_text(code)
    given = ("-s", "inline={'TOKEN': 'abcdef'}")
    answer = mlrun("run", "go.py", "--handler", "go", "--kfp", "--dump", *given)
    assert _dumped(answer)["status"]["results"] == {"n": 6} and "abcdef" not in answer.out
    (tmp_path / "project.yaml").write_text("kind: project\nmetadata: {name: shop}\n")
    (tmp_path / "flow.py").write_text(
        "import mlrun\n"
        "def flow():\n"
        "    project = mlrun.get_current_project()\n"
        "    project.set_function('go.py', 'go', kind='local', handler='go')\n"
        "    project.run_function('go')\n"
    )
    words = ("-r", "flow.py", "--handler", "flow", "--engine", "local", "-w")
    answer = mlrun("project", "./", *given, *words)
    assert "abcdef" not in answer.out + answer.err
    runs = open_store().list_runs(RunQuery("shop"))
    assert {"n": 6} in [run["status"].get("results") for run in runs]
    assert "abcdef" not in json.dumps(runs)
    assert "abcdef" not in (tmp_path / "project.yaml").read_text()
    assert "abcdef" not in json.dumps(open_store().read_project("shop"))
    from mlrun_like.cli.older.values import sources_of

    for broken in ("inline=abcdef", "inline={'TOKEN': abcdef}", "inline=['abcdef']"):
        with pytest.raises(InvalidArgumentError, match="no mapping") as failed:
            sources_of([broken])
        assert "abcdef" not in str(failed.value)


def test_code_from_an_archive(mlrun: Mlrun, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as file:
        file.writestr("far.py", "def go(context, p=1): context.log_result('p', p)")
        file.writestr("sub/main.py", "import beside, mlrun\nprint('beside', beside.X)")
        file.writestr("sub/beside.py", "X = 5")
    words = ("run", "./far.py", "--source", "code.zip", "--handler", "go", "-p", "p=4", "--dump")
    assert _dumped(mlrun(*words))["status"]["results"] == {"p": 4}
    runtime = '{"spec": {"pythonpath": "./sub"}}'
    mlrun("run", "./sub/main.py", "--source", "code.zip", "-r", runtime, "--uid", "u4")
    assert open_store().read_log("default", "u4") == b"beside 5\n"
    said = mlrun("run", "./far.py", "--source", str(tmp_path), "--handler", "go", code=1).err
    assert f"source ({tmp_path}) must be a compressed (tar.gz / zip) file, a git repo" in said


def test_env_file_and_workdir(mlrun: Mlrun, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "my.env").write_text("MLRUN_ARTIFACT_PATH=/tmp/elsewhere\n")
    words = ("run", str(tmp_path / "train.py"), "--handler", "train", "--workdir", "place")
    answer = mlrun(*words, "--env-file", "my.env", "--dump")
    assert "training 3 place" in answer.out
    assert _dumped(answer)["spec"]["output_path"] == "/tmp/elsewhere"
    assert os.getcwd() == str(tmp_path)


@pytest.mark.slow
def test_python_m_mlrun(tmp_path: Path, home: Path) -> None:
    (tmp_path / "go.py").write_text("def go(context): context.log_result('a', 1)")
    done = subprocess.run(
        [sys.executable, "-m", "mlrun", "run", "go.py", "--handler", "go", "--dump"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "MLRUN_LIKE_COMPAT": "1", "MLRUN_LIKE_HOME": str(home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "state: completed" in done.stdout


@pytest.mark.parametrize("own", [True, False])
def test_a_file_for_a_function_that_runs_elsewhere(mlrun: Mlrun, tmp_path: Path, own: bool) -> None:
    document = "kind: job\nmetadata: {name: f}\nspec: {args: [--old]}\n"
    (tmp_path / "function.yaml").write_text(document)
    given = {"func_url": "function.yaml"} if own else {"kind": "job", "name": "f"}
    wanted = Wanted("train.py --epochs '3 4'", mode="pass", source="a.zip", **given)
    spec = function_of(wanted).spec
    assert spec.args == ["--epochs", "3 4"] and spec.build.functionSourceCode
    assert (spec.mode, spec.build.source, spec.build.load_source_on_run) == ("pass", "a.zip", True)
    if own:
        assert function_of(wanted._replace(url="train.py")).spec.args == ["--old"]
    with pytest.raises(InvalidArgumentError, match="must be a compressed"):
        function_of(wanted._replace(source="folder"))
    with pytest.raises(InvalidArgumentError, match="mode 'past' is unknown"):
        function_of(wanted._replace(mode="past"))
