"""Misspelt keys of a function's document: kept as others' keys are, and found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import mlrun_like as ml
from mlrun_like.cli.main import app

HANDLER = "ZGVmIGdvKHg6IGludCA9IDEpOgogICAgcmV0dXJuIHgK"  # def go(x: int = 1): return x


def document(**more: Any) -> dict[str, Any]:
    return {
        "kind": "local",
        "metadata": {"name": "f"},
        "spec": {"default_handler": "go", "build": {"functionSourceCode": HANDLER}},
        **more,
    }


@pytest.mark.parametrize(
    ("part", "key", "meant"),
    [
        ("spec", "comand", "Did you mean 'command'?"),
        ("spec", "imagee", "Did you mean 'image'?"),
        ("spec", "evn", "Did you mean 'env'?"),
        ("metadata", "nam", "Did you mean 'name'?"),
        ("metadata", "lables", "Did you mean 'labels'?"),
        ("spec.build", "requirments", "Did you mean 'requirements'?"),
        ("spec.build", "functionSourcecode", "Did you mean 'functionSourceCode'?"),
        ("", "metdata", "Did you mean 'metadata'?"),
        ("spec", "requirements", "as 'spec.build.requirements'"),
    ],
)
def test_misspelt(part: str, key: str, meant: str) -> None:
    found = document()
    inner = found
    for name in part.split(".") if part else ():
        inner = inner[name]
    inner[key] = "x"
    function = ml.new_function(runtime=found)
    (warning,) = [item for item in function.check() if item.code == "key-unknown"]
    assert warning.severity == "warning" and warning.fix
    assert repr(f"{part}.{key}".lstrip(".")) in warning.what and meant in warning.what
    kept = function.to_dict()
    for name in part.split(".") if part else ():
        kept = kept[name]
    assert kept[key] == "x", "nothing is lost on a round trip"


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("spec", "default_image extra_pip_args clone_target_dir disable_auto_mount serving_spec"),
        ("spec", "allow_empty_resources preemption_mode function_kind base_spec no_cache_build"),
        ("spec", "handler runtime minReplicas maxReplicas loggerSinks dataBindings imageHash"),
        ("spec.build", "codeEntryType noBaseImagesPull registry secrets dependencies"),
        ("metadata", "credentials namespace creationTimestamp uid hub_url"),
        ("", "apiVersion"),
    ],
)
def test_keys_of_other_systems_are_none_of_ours(part: str, keys: str) -> None:
    found = document()
    inner = found
    for name in part.split(".") if part else ():
        inner = inner[name]
    inner.update({**dict.fromkeys(keys.split()), "x" * 100_000: 1, "": 1})
    assert [item for item in ml.new_function(runtime=found).check() if "key" in item.code] == []


def test_the_commands_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = document()
    found["spec"]["imagee"] = "x"
    path = tmp_path / "function.yaml"
    path.write_text(yaml.safe_dump(found))
    done = CliRunner().invoke(app, ["check", str(path)])
    assert done.exit_code == 0 and "warning: key 'spec.imagee'" in done.stdout
    done = CliRunner().invoke(app, ["run", str(path)])
    assert done.exit_code == 0 and "key 'spec.imagee'" in done.stderr
    function = ml.import_function(path)
    assert "key 'spec.imagee'" in function.run().logs()
