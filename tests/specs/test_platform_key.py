"""Records of functions hold no key of Iguazio's platform."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.compat.adapted.runtimes.mounts import mount_v3io
from mlrun_like.specs.platform_key import with_platform_key, without_platform_key
from mlrun_like.tracking.clients import Client, Credentials
from mlrun_like.tracking.connect import open_store

_SECRET = "k-5f1c9"


def _function() -> dict[str, Any]:
    volume = {"name": "v", "flexVolume": {"options": {"accessKey": _SECRET, "container": "c"}}}
    return {
        "spec": {
            "env": [{"name": "V3IO_ACCESS_KEY", "value": _SECRET}, {"name": "A", "value": "1"}],
            "volumes": [volume, {"name": "w", "emptyDir": {}}],
            "config": {
                "spec.triggers.s": {"kind": "v3ioStream", "password": _SECRET},
                "spec.triggers.k": {"kind": "kafka", "password": "other"},
            },
            "build": {"builder_env": {"V3IO_ACCESS_KEY": _SECRET}},
        }
    }


def test_references_stand_for_the_key() -> None:
    function = _function()
    before = copy.deepcopy(function)
    plain = without_platform_key(function)
    assert function == before, "the caller's is not changed"
    assert _SECRET not in json.dumps(plain) and "other" in json.dumps(plain)
    assert plain["spec"]["env"][1] == {"name": "A", "value": "1"}
    assert without_platform_key(plain) is plain
    again = with_platform_key(plain, "new")
    assert again["spec"]["volumes"][0]["flexVolume"]["options"]["accessKey"] == "new"
    assert again["spec"]["config"]["spec.triggers.s"]["password"] == "new"
    assert again["spec"]["env"][0]["valueFrom"]["secretKeyRef"]["optional"] is True
    assert with_platform_key(plain, "") is plain


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"spec": None},
        {"spec": {"env": "x", "volumes": {"a": 1}, "config": [], "build": 3}},
        {"spec": {"env": [None, 1, {}], "volumes": [{"flexVolume": "x"}], "config": {"a": None}}},
    ],
)
def test_documents_of_any_form_are_left_alone(broken: dict[str, Any]) -> None:
    assert without_platform_key(broken) is broken
    assert with_platform_key(broken, "k") is broken


def test_a_run_has_the_key_and_its_record_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V3IO_ACCESS_KEY", _SECRET)
    monkeypatch.setenv("V3IO_USERNAME", "me")
    fn: Any = ml.new_function("f", kind="job", image="x").apply(mount_v3io())
    fn.with_code(body="import os\ndef go(): return os.environ['V3IO_ACCESS_KEY'] == 'k-5f1c9'")
    run = fn.run(handler="go", local=True, watch=False)
    assert run.output("return") is True
    fn.save(tag="one")
    (stored, *_) = found = open_store().list_functions()
    assert _SECRET not in json.dumps(found)
    assert f"default/f@{stored['metadata']['hash']}" == run.spec.function
    back: Any = ml.import_function("db://default/f:one")
    assert _SECRET in json.dumps(back.to_dict()["spec"]["volumes"])
    assert back.run(handler="go", local=True, watch=False).output("return") is True


def test_files_hold_no_key(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V3IO_ACCESS_KEY", _SECRET)
    monkeypatch.setenv("V3IO_USERNAME", "me")
    fn: Any = ml.new_function("f", kind="job", image="x").apply(mount_v3io())
    fn.with_code(body="def go(): return 1")
    assert _SECRET in json.dumps(fn.to_dict()["spec"]), "the function itself has it"
    for name in ("f.yaml", "f.json"):
        fn.export(str(tmp_path / name))
    project = ml.new_project("p", str(tmp_path / "p"))
    project.set_function(fn, "f")
    project.save()
    project.export(str(tmp_path / "p.yaml"))
    texts = [fn.to_yaml(), project.to_yaml(), json.dumps(open_store().read_project("p"))]
    texts += [file.read_text() for file in tmp_path.rglob("*.*") if file.is_file()]
    assert len(texts) > 6 and not [text for text in texts if _SECRET in text]
    back: Any = ml.import_function(str(tmp_path / "f.yaml"))
    assert _SECRET in json.dumps(back.to_dict()["spec"]["volumes"])
    again: Any = ml.load_project(str(tmp_path / "p"), name="p").get_function("f")
    assert _SECRET in json.dumps(again.to_dict()["spec"]["volumes"])
    with Client(Credentials(use_env=True)).session():
        hers: Any = ml.import_function(str(tmp_path / "f.yaml"))
        assert _SECRET not in json.dumps(hers.to_dict())
