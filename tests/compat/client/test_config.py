"""`mlconf`: our settings under MLRun's names."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, MissingSymbolError


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun")


def test_our_settings(old: Any) -> None:
    conf = old.mlconf
    conf.artifact_path = "/art"
    conf.external_platform_tracking.enabled = True
    conf.packagers.pack_tuples = "yes"
    assert (config.artifact_path, config.track_external, config.pack_tuples) == ("/art", True, True)
    conf.artifact_path = None
    assert config.artifact_path == ""
    with pytest.raises(ConfigError):
        conf.external_platform_tracking.enabled = "perhaps"


def test_names_that_change_nothing(old: Any) -> None:
    conf = old.mlconf
    conf.httpdb.http.verify = False
    conf.mine = {"a": {"b": 1}}
    conf.mine.a.b = 2
    assert conf.httpdb.http.verify is False and conf.mine.a.b == 2
    assert conf.function.spec.state_thresholds.default.to_dict()["executing"] == "24h"
    assert conf.get_preemptible_node_selector() == {} and conf.get_preemptible_tolerations() == []
    with pytest.raises(
        MissingSymbolError, match=r"mlconf has no 'httpbd' here\. Did you mean 'httpdb'"
    ):
        _ = conf.httpbd
    assert not hasattr(conf, "nowhere") and "httpdb" in dir(conf)
    conf.reload()
    assert conf.httpdb.http.verify is True and not hasattr(conf, "mine")


def test_mapping(old: Any) -> None:
    conf = old.mlconf
    assert conf["httpdb"]["port"] == 8080 and conf.get("nothing", 3) == 3
    assert "kfp_image" in list(conf) and dict(conf.items())["log_formatter"] == "human"
    conf.update({"httpdb": {"port": 1}, "log_level": "DEBUG"})
    assert conf.httpdb.port == 1 and config.log_level == "DEBUG"
    conf.update({"external_platform_tracking": {"enabled": "x"}}, skip_errors=True)
    same = copy.deepcopy(conf)
    same.httpdb.port = 2
    assert conf.httpdb.port == 1 and "httpdb:" in conf.dump_yaml()


def test_environment_and_file(old: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "old.yaml"
    file.write_text("namespace: fruit\nartifact_path: /file\nhttpdb: {port: 7}\nunknown: 1\n")
    monkeypatch.setenv("MLRUN_CONFIG_FILE", str(file))
    monkeypatch.setenv("MLRUN_HTTPDB__LOGS__DECODE__ERRORS", "strict")
    old.mlconf.reload()
    assert old.mlconf.namespace == "fruit" and config.artifact_path == "/file"
    assert old.mlconf.httpdb.port == 7 and old.mlconf.httpdb.logs.decode.errors == "strict"
    monkeypatch.setenv("MLRUN_NAMESPACE", "more")
    old.mlconf.reload()
    monkeypatch.delenv("MLRUN_NAMESPACE")
    assert old.mlconf.namespace == "more"  # until the next reload
    file.write_text("a: [")
    with pytest.raises(ConfigError, match="cannot be read"):
        old.mlconf.reload()
    monkeypatch.delenv("MLRUN_CONFIG_FILE")
    old.mlconf.reload()


def test_secrets_of_the_environment_are_no_settings(
    compat: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRUN_K8S_SECRET__TOKEN", "hidden-value")
    config = importlib.import_module("mlrun").mlconf
    config.reload()
    assert "hidden-value" not in f"{config!r}{config.dump_yaml()}"
