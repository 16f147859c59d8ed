"""Items without a function.yaml: functions, steps, modules and servers made of their code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import (
    FunctionError,
    IncompatibleVersionError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
    SpecError,
)
from mlrun_like.functions.hub import parse_address
from mlrun_like.marketplace import get_hub_asset, get_hub_item, get_hub_module, get_hub_step
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.importing import import_module, import_step
from mlrun_like.marketplace.resolving import function_file
from mlrun_like.marketplace.sharing.scaffold import init_item
from mlrun_like.marketplace.source import get_source
from mlrun_like.marketplace.versions import check_product, version_key
from mlrun_like.monitoring.applications.loading import load_class
from mlrun_like.tracking.connect import open_store
from tests.marketplace.catalogues import write

APPLICATION = """
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase


class Counts(ModelMonitoringApplicationBase):
    def do_tracking(self, monitoring_context):
        return []
"""


def hub(root: Path, *kinds: str) -> None:
    """A plain folder of new items is the catalogue of the setting."""
    for kind in kinds:
        init_item(f"my_{kind}", root, kind=kind)
    config.hub_url = str(root)


@pytest.mark.parametrize(
    "name",
    [
        *("my_functions", "my-functions", "my_functions:1.0.0"),
        *("default/my-functions", "my_functions:latest"),
    ],
)
def test_a_function_is_found_by_name_version_and_spelling(tmp_path: Path, name: str) -> None:
    hub(tmp_path, "functions")
    fn = ml.import_function(f"hub://{name}")
    assert fn.kind == "job" and fn.metadata.name == "my-functions"
    assert fn.spec.description == "Says in one line what it does"
    assert fn.spec.entry_points["my_functions"].parameters
    assert fn.run(params={"rows": 4}, local=True).outputs["rows"] == 4


def test_it_runs_as_a_process_and_from_a_project(tmp_path: Path) -> None:
    hub(tmp_path / "hub", "functions")
    project = ml.get_or_create_project("hubby", str(tmp_path / "p"))
    project.set_function("hub://my_functions", "mine", kind="process")
    assert project.run_function("mine", params={"rows": 5}).outputs["rows"] == 5


def test_another_version_and_another_name_are_not_there(tmp_path: Path) -> None:
    hub(tmp_path, "functions")
    with pytest.raises(NotFoundError, match=r"'my_functions:2\.0\.0'"):
        ml.import_function("hub://my_functions:2.0.0")
    with pytest.raises(NotFoundError, match="Did you mean 'my_functions'"):
        ml.import_function("hub://my_function")
    (tmp_path / "my_functions" / "my_functions.py").unlink()
    with pytest.raises(NotFoundError, match=r"neither a function\.yaml nor its code file"):
        ml.import_function("hub://my_functions")


def test_modules_and_steps_become_objects(tmp_path: Path) -> None:
    hub(tmp_path / "hub", "modules", "steps")
    assert import_module("hub://my_modules").total([1, 2]) == 3
    step = import_step("hub://my-steps:1.0.0")
    assert step(field="a").do({"a": "xyz"})["letters"] == 3
    fn: Any = ml.new_function("counts", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.add_step(class_name="hub://my_steps", name="first", field="name").respond()
    other: Any = ml.new_function("x", kind="serving")
    graph = other.set_topology("flow", engine="async")
    assert graph.to("hub://my_steps:1.0.0").name == "my_steps"
    assert fn.to_mock_server().test("/", body={"name": "ann"})["letters"] == 3
    found = get_hub_step("hub://my_steps", download_files=False)
    assert found.class_name == "MySteps" and found.version == "1.0.0"
    assert get_hub_item("hub://my_steps").object_type == "steps"
    assert get_hub_asset("hub://my_steps", "README.md").startswith(b"# my_steps")
    (tmp_path / "copy").mkdir()
    module = get_hub_module("hub://my_modules", local_path=str(tmp_path / "copy"))
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == [
        "example.py",
        "my_modules.py",
    ]
    assert module.module().total([2]) == 2
    assert module.get_module_file_path() == str(tmp_path / "copy" / "my_modules.py")
    again = get_hub_module("hub://my_modules", download_files=False)
    with pytest.raises(MissingFileError, match="were not copied"):
        again.get_src_file_path()
    with pytest.raises(MissingFileError, match="there is no folder"):
        again.set_local_path(tmp_path / "none")
    again.set_local_path(tmp_path / "copy")
    assert again.get_src_file_path() == module.get_src_file_path()
    (tmp_path / "copy" / "my_modules.py").unlink()
    with pytest.raises(MissingFileError, match="is not in"):
        module.module()
    with pytest.raises(MissingFileError, match="there is no folder"):
        get_hub_module("hub://my_modules", local_path=str(tmp_path / "none"))


def test_a_step_in_a_graph_that_is_not_there_is_told(tmp_path: Path) -> None:
    hub(tmp_path, "steps")
    fn: Any = ml.new_function("counts", kind="serving")
    fn.set_topology("flow", engine="async").to("hub://my_stepz").respond()
    with pytest.raises(ml.errors.MLRunLikeError, match="Did you mean 'my_steps'"):
        fn.to_mock_server()
    said = tmp_path / "my_steps" / "item.yaml"
    said.write_text(said.read_text().replace("className: MySteps", "className: MyStep"))
    with pytest.raises(NotFoundError, match="Did you mean 'MySteps'"):
        import_step("hub://my_steps")
    said.write_text(said.read_text().replace("className: MyStep", "className: ''"))
    with pytest.raises(SpecError, match="does not say which class"):
        import_step("hub://my_steps")


def test_a_monitoring_application_of_a_catalogue(tmp_path: Path) -> None:
    write(tmp_path, "hub/counts/item.yaml", "name: counts\nkind: monitoring_application\n")
    write(tmp_path, "hub/counts/counts.py", APPLICATION)
    config.hub_url = str(tmp_path / "hub")
    project = ml.get_or_create_project("watched", str(tmp_path / "p"))
    made = project.set_model_monitoring_function("hub://counts:1.0.0")
    assert made.name == "counts" and made.target == "hub://counts:1.0.0"
    assert load_class("hub://counts", "", "here").__name__ == "Counts"


def test_a_server_has_its_default_class(tmp_path: Path) -> None:
    said = (
        "name: server\nversion: 1.0.0\nspec:\n  kind: serving\n  handler: handler\n"
        "  filename: server.py\n  customFields:\n    default_class: Model\n"
    )
    write(tmp_path, "server/item.yaml", said)
    write(tmp_path, "server/server.py", "class Model:\n    pass\n")
    config.hub_url = str(tmp_path)
    fn = ml.import_function("hub://server")
    assert fn.kind == "serving" and fn.spec.default_class == "Model"


@pytest.mark.parametrize(
    ("said", "code", "error"),
    [
        ("name: bad\nspec: {kind: rocket}", "x = 1", FunctionError),
        ("name: bad", "def (", SpecError),
        ("name: bad", "\x00", SpecError),
        ("- a", "x = 1", SpecError),
        ("", "x = 1", SpecError),
        ("name: bad\nspec: {filename: ../../secret.py}", "x = 1", InvalidArgumentError),
        ("name: bad\nminProductVersion: '99.0'", "x = 1", IncompatibleVersionError),
        ("a: &a [x, x]\nb: [" + "*a, " * 200_000 + "*a]", "x = 1", SpecError),
    ],
)  # fmt: skip
def test_items_that_cannot_be_functions(
    tmp_path: Path, said: str, code: str, error: type[Exception]
) -> None:
    write(tmp_path, "bad/item.yaml", said)
    write(tmp_path, "bad/bad.py", code)
    config.hub_url = str(tmp_path)
    with pytest.raises(error):
        ml.import_function("hub://bad")


def test_an_item_that_needs_a_newer_product_says_so(tmp_path: Path) -> None:
    hub(tmp_path, "functions")
    said = tmp_path / "my_functions" / "item.yaml"
    text = said.read_text().replace(ml.__version__, "7.5.0")
    said.write_text(text)
    with pytest.raises(IncompatibleVersionError, match=r"needs version 7.5.0 of this product"):
        ml.import_function("hub://my_functions")
    write(tmp_path, "my_functions/function.yaml", "kind: job\n")
    with pytest.raises(IncompatibleVersionError):
        ml.import_function("hub://my_functions")
    for fine in ("", "odd", "0.0.1", ml.__version__):
        check_product(fine, "hub://x")


def test_versions_sort_as_numbers() -> None:
    texts = ["1.10.0", "1.9", "latest", "2.0.0-rc1", "2.0.0", "x", "1.9.0.1", "1" * 30]
    assert (
        sorted(texts, key=version_key)[-3:] == ["2.0.0-rc1", "2.0.0", "latest"]
        or sorted(texts, key=version_key)[-1] == "latest"
    )
    assert version_key("1.0") == version_key("1.0.0")


@pytest.mark.parametrize(
    "url",
    [
        *(None, 5, "", "hub:/x", "hub://", "hub://a/b/c", "hub://../x", "hub://a b", "http://x"),
        *("hub://a:b:c", "hub://a:", "hub://" + "a/" * 10_000, "hub://a\n"),
    ],
)
def test_addresses_that_are_none(url: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="not an address in a catalogue"):
        parse_address(url)


def test_the_digest_of_what_is_made_is_that_of_its_files(tmp_path: Path) -> None:
    hub(tmp_path, "functions")
    store = open_store()
    first = function_file(store, "my_functions")
    assert first.digest == function_file(store, "my-functions").digest
    with (tmp_path / "my_functions" / "my_functions.py").open("a") as file:
        file.write("\n")
    assert first.digest != function_file(store, "my_functions").digest


@pytest.mark.parametrize("way", ["../../evil.py", "/tmp/evil.py", "a/../../evil.py"])
def test_a_catalogue_cannot_write_beside_the_folder(tmp_path: Path, way: str) -> None:
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    row = {"assets": {way: "src/harm.py"}, "spec": {"filename": way}}
    write(tmp_path / "hub", "modules/master/catalog.json", json.dumps({"harm": {"latest": row}}))
    write(tmp_path / "hub", "modules/master/harm/latest/src/harm.py", "HARM = 1\n")
    config.hub_url = str(tmp_path / "hub")
    with pytest.raises(InvalidArgumentError, match="is no path inside a catalogue"):
        get_hub_module("hub://harm", local_path=str(here))
    assert not list(here.iterdir()) and not (tmp_path / "evil.py").exists()


def test_a_folder_whose_name_begins_like_a_kind_is_what_it_says(tmp_path: Path) -> None:
    init_item("steps_of_ours", tmp_path, kind="modules")
    config.hub_url = str(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    found = read_catalogue(get_source(None, "default"))
    assert [one.object_type for one in found.items] == ["modules"] and found.problems == []
