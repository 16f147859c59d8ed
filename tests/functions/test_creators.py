"""Functions from files, notebooks, properties, documents and the store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlrun_like as ml
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    RunError,
    SpecError,
)

CODE = '''"""A small file."""


def train(context, depth: int = 3):
    """Train a model.

    :param depth: how deep
    """
    context.log_result("depth", depth)


def predict(x):
    return x + 1
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_code.v2.py"
    path.write_text(CODE, encoding="utf-8")
    return path


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cells = [
        '%nuclio config kind = "job"\n%nuclio config spec.image = "x:1"',
        "import math",
        "def area(r: float = 1.0):\n    return math.floor(math.pi * r * r)",
        "# nuclio: end-code",
        "area(5)",
    ]
    path = tmp_path / "My Notebook (1).ipynb"
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {},
                "source": text,
                "outputs": [],
                "execution_count": None,
            }
            for number, text in enumerate(cells)
        ],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


# -- code_to_function -------------------------------------------------------------------------


@pytest.mark.parametrize("as_path", [True, False])
def test_a_file_becomes_a_function(file: Path, as_path: bool) -> None:
    fn = ml.code_to_function(
        filename=file if as_path else str(file),
        kind="local",
        handler="train",
        requirements=["pandas>=2"],
        categories=["training"],
        labels={"team": 1},
        description="Trains.",
        tag="v1",
    )
    meta, spec = fn.metadata, fn.spec
    assert (meta.name, meta.project, meta.tag) == ("my-code-v2", "default", "v1")
    assert (meta.categories, meta.labels) == (["training"], {"team": "1"})
    assert spec.default_handler == "train" and spec.description == "Trains."
    assert spec.build.requirements == ["pandas>=2"]
    assert sorted(spec.entry_points) == ["predict", "train"]
    assert spec.entry_points["train"].parameters[1].doc == "how deep"
    assert fn.run(params={"depth": 5}).outputs == {"depth": 5}
    assert fn.run(handler="predict", params={"x": 1}).outputs == {"return": 2}
    assert fn.__doc__ == "Trains."


def test_calling_it_runs_its_handler_and_changes_nothing(file: Path) -> None:
    fn = ml.code_to_function("f", filename=str(file), kind="process", handler="predict")
    before = fn.to_dict()
    assert fn(4) == 5 and fn(5) == 6
    assert fn.to_dict() == before
    assert fn.run(params={"x": 1}).metadata.labels["kind"] == "process"
    fn.with_code(body="def predict(x): return -x\n")
    assert fn(4) == -4


def test_a_file_without_a_handler_runs_as_a_program(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(
        "import mlrun_like as ml\n"
        "context = ml.get_or_create_ctx('x')\n"
        "context.log_result('n', context.get_param('n') * 2)\n",
        encoding="utf-8",
    )
    fn = ml.code_to_function("main", filename=str(file), kind="local")
    assert fn.run(params={"n": 4}, watch=False).outputs == {"n": 8}


def test_without_embedding_the_file_runs_where_it_is(file: Path) -> None:
    fn = ml.code_to_function(
        "f", filename=str(file), kind="local", handler="predict", embed_code=False
    )
    assert fn.spec.command == str(file) and not fn.spec.build.functionSourceCode
    assert fn.run(params={"x": 1}).outputs == {"return": 2}


def test_a_notebook_becomes_a_function(notebook: Path, tmp_path: Path) -> None:
    fn = ml.code_to_function(
        filename=str(notebook), handler="area", code_output=str(tmp_path / "out")
    )
    assert (fn.name, fn.kind, fn.spec.image) == ("my-notebook-1", "job", "x:1")
    written = (tmp_path / "out" / "my-notebook-1.py").read_text(encoding="utf-8")
    assert "def area" in written and "area(5)" not in written
    assert fn.run(local=True, params={"r": 2}).outputs == {"return": 12}
    module = ml.function_to_module(str(notebook))
    assert module is not None and module.area(1) == 3


def test_the_calling_script_is_the_file_when_none_is_named(tmp_path: Path) -> None:
    script = tmp_path / "calling.py"
    script.write_text(
        "import mlrun_like as ml\n"
        "def double(n: int): return 2 * n\n"
        "if __name__ == '__main__':\n"
        "    fn = ml.code_to_function('double', kind='local', handler='double')\n"
        "    print(fn.run(params={'n': 4}, watch=False).outputs)\n",
        encoding="utf-8",
    )
    env = {**ml.config._environ, "MLRUN_LIKE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout == "{'return': 8}\n"


BAD_FILES: list[tuple[dict[str, Any], str]] = [
    ({}, "please specify the function kind"),
    ({"kind": "jobb"}, "unsupported runtime (jobb). Did you mean 'job'?"),
    ({"kind": 5}, "unsupported runtime (5)"),
    ({"kind": "application"}, "Embedding a code file is not supported"),
    ({"kind": "serving", "handler": "train"}, "takes no handler"),
    ({"kind": "local", "handler": "trian"}, "Did you mean 'train'?"),
    ({"kind": "local", "name": "a/b"}, "'a/b' is not usable"),
    ({"kind": "local", "project": "A B"}, "project name 'A B'"),
    ({"kind": "local", "tag": "a b"}, "'a b' is not allowed"),
    ({"kind": "local", "requirements": "pandas"}, "neither a list nor"),
    ({"kind": "local", "requirements": ["pan das"]}, "'pan das' is not a requirement"),
    ({"kind": "local", "requirements_file": "/no/such.txt"}, "cannot be read"),
    ({"kind": "local", "categories": "training"}, "categories must be a list of texts"),
    ({"kind": "local", "labels": 5}, "labels must map"),
    ({"kind": "local", "code_output": "."}, "code_output is for notebooks"),
    ({"kind": "local", "filename": "/no/such.py"}, "does not exist"),
    ({"kind": "local", "filename": 5}, "filename must be a path"),
    ({"kind": "local", "filename": "/tmp/x.txt"}, "cannot become a function"),
]


@pytest.mark.parametrize(("options", "what"), BAD_FILES, ids=[row[1] for row in BAD_FILES])
def test_bad_options_are_refused(file: Path, options: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        ml.code_to_function(**{"filename": str(file), **options})
    assert what in caught.value.what
    assert caught.value.fix or caught.value.where


def test_a_notebook_cannot_stay_where_it_is(notebook: Path) -> None:
    with pytest.raises(FunctionError, match="embedded or written"):
        ml.code_to_function("n", filename=str(notebook), embed_code=False)


# -- new_function -----------------------------------------------------------------------------


def plain(x: int) -> int:
    return x + 1


def test_a_function_from_a_callable() -> None:
    fn = ml.new_function(handler=plain)
    assert (fn.name, fn.kind) == ("plain", "handler")
    assert fn(1) == 2
    assert fn.run(params={"x": 2}).outputs == {"return": 3}
    assert ml.new_function("two").run(handler=plain, params={"x": 0}).outputs == {"return": 1}
    assert ml.new_function(handler=lambda: 1).name == "lambda"
    assert ml.new_function(handler=Adder()).run(params={"x": 4}).outputs == {"return": 6}


class Adder:
    def __call__(self, x: int) -> int:
        return x + 2


def test_a_function_from_a_command(file: Path) -> None:
    fn = ml.new_function(command=str(file), handler="predict")
    assert (fn.name, fn.kind) == ("my-code-v2", "local")
    assert fn.run(params={"x": 2}).outputs == {"return": 3}
    start = {"kind": "job", "metadata": {"name": "a-b"}, "spec": {"image": "i", "args": ["x"]}}
    fn = ml.new_function(kind="job", runtime=start, requirements=["pandas"])
    assert (fn.name, fn.spec.image, fn.spec.args) == ("a-b", "i", ["x"])
    assert fn.spec.build.requirements == ["pandas"]
    assert start["spec"] == {"image": "i", "args": ["x"]}
    assert ml.new_function(runtime=start).kind == "job"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"image": "x"}, "has no effect"),
        ({"kind": "no"}, "unsupported runtime (no)"),
        ({"name": "a/b"}, "not usable"),
        ({"runtime": 5}, "runtime must map"),
        ({"runtime": {"spec": {"args": 5}}}, "spec.args"),
        ({"command": 5}, "command must be a path"),
        ({"command": "x.py", "args": 5}, "args must be a list, not 5"),
        ({"command": "x.py", "args": "--depth 3"}, "args must be a list"),
        ({"requirements": "x"}, "neither a list nor"),
        ({"tag": "/"}, "'/' is not allowed"),
        ({"project": "/"}, "project name '/'"),
    ],
)
def test_bad_properties_are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        ml.new_function(**options)
    assert what in caught.value.what
    assert caught.value.fix or caught.value.where


# -- import_function --------------------------------------------------------------------------


@ml.function(returns=["y"], timeout=50, requirements=["pandas>=2"])
def shipped(x: int, y: float = 0.5) -> float:
    """Something to ship."""
    return x + y


@pytest.mark.parametrize("name", ["function.yaml", "f.json", ""])
def test_export_and_import_give_the_same_function(tmp_path: Path, name: str) -> None:
    shipped.export(str(tmp_path / name) if name else str(tmp_path))
    target = tmp_path / (name or "function.yaml")
    fn = ml.import_function(str(target))
    assert fn.name == "shipped" and fn(1) == 1.5
    assert fn.run(params={"x": 1}).outputs == {"y": 1.5}
    assert (fn.spec.timeout, fn.spec.build.requirements) == (50.0, ["pandas>=2"])
    assert "status" not in yaml.safe_load(target.read_text(encoding="utf-8"))
    assert ml.import_function(target, new_name="Other", project="p").uri.startswith("p/other")


def test_foreign_keys_survive(tmp_path: Path) -> None:
    document = {
        "kind": "job",
        "metadata": {"name": "My_Foreign", "updated": "2024-01-01T00:00:00", "credentials": {}},
        "spec": {"default_handler": "f", "node_selector": {"a": "b"}, "priority": 5},
        "verbose": False,
    }
    source, target = tmp_path / "in.yaml", tmp_path / "out.yaml"
    source.write_text(yaml.safe_dump(document), encoding="utf-8")
    fn = ml.import_function(str(source))
    assert fn.name == "my-foreign"
    fn.export(str(target))
    written = yaml.safe_load(target.read_text(encoding="utf-8"))
    assert written["spec"]["node_selector"] == {"a": "b"} and written["spec"]["priority"] == 5
    assert written["metadata"]["credentials"] == {}


def test_the_store_gives_versions_and_tags_back() -> None:
    uri = shipped.save(tag="prod")
    assert uri.startswith("default/shipped@")
    assert shipped.save(tag="prod", versioned=False) == "default/shipped:prod"
    for url in (f"db://{uri}", "db://default/shipped:prod", "db://default/shipped"):
        assert ml.import_function(url)(1) == 1.5
    with pytest.raises(NotFoundError) as caught:
        ml.import_function("db://default/shipped:nope")
    assert "nope" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", " ", None, 5, "db://", "db://a/b/c", "hub://x", "/no/such.yaml"]
)
def test_bad_urls_are_refused(url: Any) -> None:
    with pytest.raises(MLRunLikeError) as caught:
        ml.import_function(url)
    assert caught.value.fix or caught.value.where


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "kind: [",
        "kind: 5",
        "spec: 5",
        "spec: {args: 5}",
        "kind: job",
        "metadata: {name: 'a/b'}",
        "metadata: {name: x, project: 'A B'}",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_bad_documents_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "function.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((SpecError, InvalidArgumentError)) as caught:
        ml.import_function(str(path))
    assert caught.value.what and (caught.value.fix or caught.value.where)


# -- function_to_module -----------------------------------------------------------------------


def test_modules_come_from_files_documents_and_functions(file: Path, tmp_path: Path) -> None:
    shipped.export(str(tmp_path / "f.yaml"))
    made: list[Callable[[], Any]] = [
        lambda: ml.function_to_module(str(file)),
        lambda: ml.function_to_module(file),
        lambda: ml.function_to_module(file.name, workdir=str(tmp_path)),
        lambda: ml.function_to_module(
            ml.code_to_function("f", filename=str(file), kind="job", handler="predict")
        ),
    ]
    for make in made:
        assert make().predict(1) == 2
    module = ml.function_to_module(str(tmp_path / "f.yaml"))
    assert module is not None and module.shipped(2) == 2.5


def test_nothing_to_load(tmp_path: Path) -> None:
    assert ml.function_to_module("", silent=True) is None
    assert ml.function_to_module(ml.new_function("empty"), silent=True) is None
    missing: list[Any] = ["", str(tmp_path / "no.py"), str(tmp_path / "no.yaml"), tmp_path]
    for code in [*missing, 5, ml.new_function("empty")]:
        with pytest.raises(MLRunLikeError) as caught:
            ml.function_to_module(code)
        assert caught.value.fix or caught.value.where
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n", encoding="utf-8")
    with pytest.raises(FunctionError, match="not valid Python"):
        ml.function_to_module(str(broken))


# -- commands ---------------------------------------------------------------------------------


def test_a_command_brings_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "show args.py"
    script.write_text("import sys\nprint(sys.argv[1:])\n", encoding="utf-8")
    fn = ml.new_function(command=f"'{script}' --x {{x}} 'It''s'", args=["a b"])
    assert (fn.name, fn.spec.command) == ("show-args", str(script))
    run = fn.run(params={"x": "7 8"}, watch=False)
    assert "['--x', '7 8', 'Its', 'a b']" in run.logs()
    assert ml.new_function(command=str(script)).spec.args == []
    with pytest.raises(FunctionError, match="split into words"):
        ml.new_function(command="x.py 'open")


def test_any_program_runs_with_mode_pass(tmp_path: Path) -> None:
    run = ml.new_function("hi", command="echo 'hello {who}'", mode="pass").run(
        params={"who": "you"}, watch=False
    )
    assert run.logs() == "hello you\n"
    with pytest.raises(RunError, match="exit code 1"):
        ml.new_function("no", command="false", mode="pass").run(watch=False)
    with pytest.raises(NotFoundError):
        ml.new_function("no", command="no-such-program", mode="pass").run()
    with pytest.raises(FunctionError, match="mode 'noctx'"):
        ml.new_function("no", command="x.py", mode="noctx")


def test_a_notebook_may_be_written_instead_of_embedded(notebook: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.py"
    fn = ml.code_to_function(
        "n", filename=str(notebook), kind="local", code_output=str(target), embed_code=False
    )
    assert fn.spec.command == str(target) and not fn.spec.build.functionSourceCode
    assert fn.run(handler="area", params={"r": 2}).outputs == {"return": 12}


def test_a_function_of_any_module_is_a_handler() -> None:
    fn = ml.new_function("any", kind="job")
    run = fn.run(handler="json.dumps", params={"obj": {"x": 9}}, local=True)
    assert run.outputs == {"return": '{"x": 9}'}


def test_a_task_begins_a_context() -> None:
    task = ml.new_task("t", params={"p": 3})
    with ml.get_or_create_ctx("other", spec=task) as context:
        assert (context.name, context.get_param("p")) == ("t", 3)


def test_a_project_in_the_place_of_secrets_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="secrets must map names to values"):
        ml.import_function(str(tmp_path / "function.yaml"), "my-project")  # type: ignore[arg-type]
