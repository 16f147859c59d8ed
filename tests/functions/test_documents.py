"""Functions as documents: refreshed with their source, edited, exported, saved."""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import mlrun_like as ml
from mlrun_like import Resources
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    PackagingError,
    SpecError,
)

SCALE = 3


@ml.function(requirements=["pandas>=2"])
def scaled(x: int, labels: dict[str, int] | None = None) -> int:
    """Scale a number.

    :param x: what to scale
    """
    return x * SCALE


def _code(fn: Any) -> str:
    return base64.b64decode(fn.spec.build.functionSourceCode).decode()


# -- the document of a decorated function -----------------------------------------------------


def test_the_document_describes_the_function() -> None:
    spec = scaled.spec
    assert "SCALE = 3" in _code(scaled) and "def scaled" in _code(scaled)
    assert "test_the_document" not in _code(scaled)
    assert spec.description == "Scale a number."
    point = spec.entry_points["scaled"]
    first = point.parameters[0]
    assert (first.name, first.type, first.required) == ("x", "int", True)
    assert point.parameters[0].doc == "what to scale"
    assert spec.environment.requirements == ["pandas>=2"]
    assert spec.environment.python.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert spec.environment.lock["pandas"]


def test_documents_are_plain_and_equal_each_time() -> None:
    assert json.loads(json.dumps(scaled.to_dict())) == scaled.to_dict()
    assert yaml.safe_load(scaled.to_yaml())["kind"] == "local"
    assert scaled.to_yaml() == scaled.to_yaml()


def test_documentation_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    scaled.doc()
    text = capsys.readouterr().out
    assert "scaled" in text and "what to scale" in text and "int" in text


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "edited_module.py").write_text(
        "import mlrun_like as ml\n\n@ml.function()\ndef step(x: int):\n    return x + 1\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("edited_module")
    del sys.modules["edited_module"]


def test_the_document_follows_the_source(edited: ModuleType) -> None:
    path = Path(str(edited.__file__))
    assert "x + 1" in _code(edited.step)
    first = edited.step.save()
    path.write_text(path.read_text(encoding="utf-8").replace("x + 1", "x + 22"), encoding="utf-8")
    importlib.reload(edited)
    assert "x + 22" in _code(edited.step)
    assert edited.step.save() != first


def test_code_that_is_gone_does_not_travel(edited: ModuleType) -> None:
    path = Path(str(edited.__file__))
    assert _code(edited.step)
    path.write_text("import mlrun_like as ml  # the function is no longer here\n", encoding="utf-8")
    assert not edited.step.spec.build.functionSourceCode
    with pytest.raises(PackagingError, match="no longer defined"):
        edited.step.export(str(path.with_suffix(".yaml")))
    with pytest.raises(PackagingError, match="no longer defined"):
        edited.step.save()
    assert edited.step.run(params={"x": 1}).outputs == {"return": 2}  # here it still lives


# -- edits ------------------------------------------------------------------------------------


def _empty(name: str = "edit-me") -> Any:
    return ml.new_function(name).with_code(body="def f(x=1): return x\n")


def test_requirements_are_added_once_and_described() -> None:
    fn = _empty().with_requirements(["pandas>=2", "numpy"]).with_requirements(["numpy", "pyyaml"])
    assert fn.spec.build.requirements == ["pandas>=2", "numpy", "pyyaml"]
    assert fn.spec.environment.requirements == fn.spec.build.requirements
    fn.with_requirements(["pydantic"], overwrite=True)
    assert fn.spec.build.requirements == ["pydantic"]


def test_a_requirements_file_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# comment\nnumpy  # inline\n\npandas>=2\n", encoding="utf-8")
    fn = _empty().with_requirements(["pyyaml", "numpy"], requirements_file=str(file))
    assert fn.spec.build.requirements == ["numpy", "pandas>=2", "pyyaml"]


def test_commands_environment_labels_categories_resources(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("A=1\nexport B='two'\n", encoding="utf-8")
    fn = (
        _empty()
        .with_commands(["apt-get update", "apt-get update"])
        .with_commands(["true"])
        .set_env("A", 0)
        .set_envs(file_path=str(tmp_path / "x.env"))
        .set_envs({"C": 3})
        .set_env("D", value_from={"secretKeyRef": {"name": "s", "key": "k"}})
        .set_label("team", 5)
        .set_categories(["training"])
        .with_resources(Resources(memory="1Gi"))
    )
    assert fn.spec.build.commands == ["apt-get update", "true"]
    assert [fn.get_env(name) for name in "ABC"] == ["1", "two", "3"]
    assert fn.get_env("D") == {"secretKeyRef": {"name": "s", "key": "k"}}
    assert fn.is_env_exists("A") and not fn.is_env_exists("Z")
    assert fn.get_env("Z", "none") == "none"
    assert fn.metadata.labels == {"team": "5"} and fn.metadata.categories == ["training"]
    assert fn.spec.resources == {"limits": {"memory": "1Gi"}}


def test_new_code_replaces_the_old(tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("def g(y): return y * 2\n", encoding="utf-8")
    made = ml.function(name="again")(_plain)
    assert made(1) == 1
    made.with_code(from_file=str(other))
    assert sorted(made.spec.entry_points) == ["g"]
    assert made.run(handler="g", params={"y": 4}).outputs == {"return": 8}
    made.with_code(body="def h(z=7):\n    return z\n")
    assert made.spec.build.modules == {} and made.spec.build.origin_filename == ""
    assert made.run(handler="h").outputs == {"return": 7}
    with pytest.raises(FunctionError, match="no handler '_plain'"):
        made.run()


def _plain(x: int) -> int:
    return x


def test_fields_may_be_assigned_and_misspelt_ones_are_refused() -> None:
    fn = _empty()
    fn.spec.image = "x:1"
    fn.metadata.project = "fraud"
    fn.kind = "job"
    assert fn.to_dict()["spec"]["image"] == "x:1"
    with pytest.raises(SpecError) as caught:
        fn.spec.imagee = "y"
    assert "Did you mean 'image'?" in caught.value.what
    with pytest.raises(SpecError):
        fn.spec.args = 5


BAD_EDITS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("with_requirements", (["pan das"],), {}, "'pan das' is not a requirement"),
    ("with_requirements", ("pandas",), {}, "neither a list nor"),
    ("with_requirements", (), {"requirements_file": "/no/such.txt"}, "cannot be read"),
    ("with_commands", ("ls",), {}, "commands must be a list of texts"),
    ("with_commands", ([3],), {}, "commands must be a list of texts"),
    ("with_resources", ("1Gi",), {}, "must be Resources"),
    ("set_env", ("",), {"value": 1}, "environment variable ''"),
    ("set_env", ("A=B",), {"value": 1}, "'A=B'"),
    ("set_env", ("A",), {}, "one value"),
    ("set_env", ("A", 1, {"x": 1}), {}, "one value"),
    ("set_env", (5, 1), {}, "environment variable 5"),
    ("set_envs", (), {}, "env_vars or file_path"),
    ("set_envs", (5,), {}, "env_vars must map"),
    ("set_label", ("a b", "c"), {}, "label name 'a b'"),
    ("set_label", ("a", "b c"), {}, "value of label"),
    ("set_categories", ("training",), {}, "categories must be a list"),
    ("with_code", (), {}, "from_file or body"),
    ("with_code", ("a.py", "x = 1"), {}, "from_file or body"),
    ("with_code", ("/no/such.py",), {}, "does not exist"),
    ("with_code", (), {"body": "def f(:"}, "not valid Python"),
    ("with_code", (), {"body": 5}, "not valid Python"),
    ("with_code", (), {"body": "x\0"}, "not valid Python"),
    ("export", (5,), {}, "target must be a path"),
    ("export", ("x.toml",), {}, "'.toml'"),
    ("save", ("a b",), {}, "'a b'"),
]


@pytest.mark.parametrize(
    ("method", "args", "options", "what"), BAD_EDITS, ids=[f"{r[0]}-{r[3]}" for r in BAD_EDITS]
)
def test_bad_edits_change_nothing(
    method: str, args: tuple[Any, ...], options: dict[str, Any], what: str
) -> None:
    fn = _empty()
    before = fn.to_dict()
    with pytest.raises(InvalidArgumentError) as caught:
        getattr(fn, method)(*args, **options)
    assert what in caught.value.what
    assert caught.value.fix or caught.value.where
    assert fn.to_dict() == before


def test_a_missing_env_file_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        _empty().set_envs(file_path="/no/such.env")


# -- export and save --------------------------------------------------------------------------


def test_export_fills_the_hash_and_leaves_the_function_alone(tmp_path: Path) -> None:
    fn = _empty()
    before = fn.to_dict()
    fn.export(str(tmp_path / "a" / "function.yaml")).export(tmp_path / "b.json")
    written = yaml.safe_load((tmp_path / "a" / "function.yaml").read_text(encoding="utf-8"))
    assert written["metadata"]["hash"] == fn._doc().digest()
    assert json.loads((tmp_path / "b.json").read_text(encoding="utf-8")) == written
    assert fn.to_dict() == before
    assert os.listdir(tmp_path / "a") == ["function.yaml"]


def test_saving_twice_gives_one_version() -> None:
    fn = _empty()
    assert fn.save() == fn.save(tag="v1")
    assert len(ml.get_run_db().list_functions("default", "edit-me")) == 1
    fn.with_code(body="def f(x=2): return x\n")
    fn.save(tag="v1")
    assert ml.import_function("db://default/edit-me:v1").run(handler="f").outputs == {"return": 2}


def test_an_imported_function_that_changed_is_a_new_version() -> None:
    first = _empty().save()
    fn: Any = ml.import_function(f"db://{first}")
    assert fn.save() == first
    fn.with_code(body="def f(x=2): return x\n")
    second = fn.save()
    assert second != first
    assert ml.import_function(f"db://{second}").run(handler="f").outputs == {"return": 2}
    assert ml.import_function(f"db://{first}").run(handler="f").outputs == {"return": 1}


def test_functions_of_other_projects_do_not_mix() -> None:
    fn = _empty()
    fn.metadata.project = "one"
    fn.save()
    with pytest.raises(NotFoundError):
        ml.import_function("db://two/edit-me")


def test_a_step_outside_a_pipeline_is_explained() -> None:
    with pytest.raises(FunctionError) as caught:
        scaled.step(params={"x": 1})
    assert "scaled.run(...)" in caught.value.fix


def test_a_function_without_a_handler_cannot_be_called() -> None:
    with pytest.raises(MLRunLikeError) as caught:
        _empty()(1)
    assert caught.value.fix
