"""Settings: one order of origins, and a bad value names its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import ENV_PREFIX, Config, environment
from mlrun_like.errors import ConfigError
from mlrun_like.settings import SECRETS, SETTINGS


def make(tmp_path: Path, text: str = "", **environ: str) -> Config:
    """A reader of its own, with a home below `tmp_path` and `text` as config file."""
    home = tmp_path / "h"
    home.mkdir(exist_ok=True)
    if text:
        (home / "config.yaml").write_text(text, encoding="utf-8")
    return Config({"MLRUN_LIKE_HOME": str(home), **environ})


def test_order_is_code_then_environment_then_file_then_default(tmp_path: Path) -> None:
    config = make(tmp_path)
    assert config.explain("default_project") == ("default", "default")
    config = make(tmp_path, "default_project: from-file\n")
    path = str(tmp_path / "h" / "config.yaml")
    assert config.explain("default_project") == ("from-file", path)
    config = make(tmp_path, "", MLRUN_DEFAULT_PROJECT="older")
    assert config.explain("default_project") == ("older", "MLRUN_DEFAULT_PROJECT")
    config = make(tmp_path, "", MLRUN_DEFAULT_PROJECT="o", MLRUN_LIKE_DEFAULT_PROJECT="newer")
    assert config.explain("default_project") == ("newer", "MLRUN_LIKE_DEFAULT_PROJECT")
    config.default_project = "code"
    assert config.explain("default_project") == ("code", "set in code")
    config.reload()
    assert config.default_project == "newer"


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_has_help_and_reads_its_default_back(row: Any, tmp_path: Path) -> None:
    assert row.help.endswith(".") and row.type in (str, int, float, bool)
    config = make(tmp_path)
    if row.name != "home":
        assert getattr(config, row.name) == row.default
    setattr(config, row.name, row.default)
    assert getattr(config, row.name) == row.default
    assert row.name in dir(config)


def test_override_ends_with_its_block_also_by_an_error(tmp_path: Path) -> None:
    config = make(tmp_path)
    with pytest.raises(RuntimeError), config.override(log_level="DEBUG", pack_tuples="yes"):
        assert (config.log_level, config.pack_tuples) == ("DEBUG", True)
        raise RuntimeError
    assert (config.log_level, config.pack_tuples) == ("INFO", False)
    with pytest.raises(ConfigError), config.override(log_level="DEBUG", flush_interval="x"):
        raise AssertionError("not reached")
    assert config.log_level == "INFO"


@pytest.mark.parametrize("text", ["1", "true", "YES", " on "])
def test_true_in_many_words(text: str, tmp_path: Path) -> None:
    assert make(tmp_path, "", MLRUN_LIKE_PACK_TUPLES=text).pack_tuples is True


@pytest.mark.parametrize("text", ["0", "False", "no", "off"])
def test_false_in_many_words(text: str, tmp_path: Path) -> None:
    assert make(tmp_path, "", MLRUN_LIKE_CALCULATE_DIGEST=text).calculate_digest is False


def test_an_empty_variable_counts_as_unset_except_for_texts(tmp_path: Path) -> None:
    config = make(tmp_path, "artifact_path: /x\nflush_interval: 2\n")
    assert (config.artifact_path, config.flush_interval) == ("/x", 2.0)
    empty = {"MLRUN_LIKE_ARTIFACT_PATH": "", "MLRUN_LIKE_FLUSH_INTERVAL": ""}
    config = make(tmp_path, "", **empty)
    assert (config.artifact_path, config.flush_interval) == ("", 2.0)


@pytest.mark.parametrize("value", ["soon", "nan", "inf", "-1", [1], None, {}])
def test_a_bad_number_names_its_origin(value: Any, tmp_path: Path) -> None:
    config = make(tmp_path)
    with pytest.raises(ConfigError) as caught:
        config.flush_interval = value
    assert "flush_interval" in caught.value.what and repr(value) in caught.value.what
    assert caught.value.where == "the value set in code"
    if isinstance(value, str):
        config = make(tmp_path, "", MLRUN_LIKE_FLUSH_INTERVAL=value)
        with pytest.raises(ConfigError) as caught:
            _ = config.flush_interval
        assert caught.value.where == "environment variable MLRUN_LIKE_FLUSH_INTERVAL"
        assert caught.value.fix == "for example MLRUN_LIKE_FLUSH_INTERVAL=0.25"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("default_projct: x", "Did you mean 'default_project'?"),
        ("- a\n- b", "name: value"),
        ("just text", "name: value"),
        ("a: [", "cannot be read"),
        ("a: 2001-99-99", "cannot be read"),
        ("[" * 1500, "cannot be read"),
        ("? {a: 1}\n: b", "cannot be read"),
        ("1: 2", "no setting 1"),
        ("home: /elsewhere", "cannot be set in it"),
        ("flush_interval: soon", "a number, 0 or more expected"),
    ],
)
def test_a_broken_file_is_named(text: str, words: str, tmp_path: Path) -> None:
    config = make(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        _ = config.flush_interval
    assert words in str(caught.value) and "config.yaml" in caught.value.where


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    config = make(tmp_path, "x: y")
    (tmp_path / "h" / "config.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        _ = config.dbpath


def test_an_empty_file_and_none_at_all_are_the_same(tmp_path: Path) -> None:
    assert make(tmp_path, "# nothing\n").flush_interval == 0.25
    (tmp_path / "other").mkdir()
    assert make(tmp_path / "other").flush_interval == 0.25


def test_a_file_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    named = tmp_path / "my.yaml"
    config = make(tmp_path, "", MLRUN_LIKE_CONFIG_FILE=str(named))
    with pytest.raises(ConfigError, match="does not exist"):
        _ = config.log_level
    named.write_text("log_level: ERROR\n", encoding="utf-8")
    assert config.log_level == "ERROR"


def test_unknown_settings_name_the_nearest(tmp_path: Path) -> None:
    config = make(tmp_path)
    for use in (
        lambda: config.log_leve,
        lambda: setattr(config, "log_leve", "x"),
        lambda: config.explain("log_leve"),
    ):
        with pytest.raises(ConfigError, match=r"Did you mean 'log_level'\?") as caught:
            use()
        assert caught.value.fix
    assert not hasattr(config, "__wrapped__")


def test_dotted_names_of_mlrun_mean_settings(tmp_path: Path) -> None:
    config = make(tmp_path)
    assert config.external_platform_tracking.mlflow.enabled is True
    config.external_platform_tracking.enabled = True
    config.external_platform_tracking.mlflow.control_run = "yes"
    assert config.track_external and config.mlflow_control_run
    for use in (
        lambda: config.external_platform_tracking.enabld,
        lambda: setattr(config.external_platform_tracking, "enabld", True),
    ):
        with pytest.raises(
            ConfigError, match=r"Did you mean 'external_platform_tracking\.enabled'"
        ):
            use()
    name = "MLRUN_EXTERNAL_PLATFORM_TRACKING__ENABLED"
    assert make(tmp_path, "", **{name: "true"}).track_external


def test_secrets_are_neither_shown_nor_shipped(tmp_path: Path) -> None:
    config = make(tmp_path, "", MLRUN_LIKE_TOKEN="hush-hush", MLRUN_LIKE_LOG_LEVEL="DEBUG")
    assert config.token == "hush-hush"
    changed = config.changed()
    assert changed["log_level"] == "DEBUG" and not SECRETS & changed.keys()
    with pytest.raises(ConfigError) as caught:
        config.token = object()
    assert "***" in caught.value.what and "object" not in caught.value.what


def test_paths_are_absolute_and_expand_the_users_home(tmp_path: Path) -> None:
    config = make(tmp_path)
    assert config.path("a", "b") == tmp_path / "h" / "a" / "b"
    config.home = "~/x"
    assert config.path() == Path("~/x").expanduser()
    config.home = tmp_path
    assert config.home == str(tmp_path)


def test_a_copied_setting_reads_back_in_another_reader(tmp_path: Path) -> None:
    first = make(tmp_path, "heartbeat_interval: 7\n", MLRUN_LIKE_PACK_TUPLES="1")
    second = Config({})
    for name, value in first.changed().items():
        setattr(second, name, value)
    assert (second.heartbeat_interval, second.pack_tuples) == (7.0, True)
    assert second.home == first.home


def test_environment_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODYS", "1")
    assert environment("SOMEBODYS") == "1"
    assert environment("NOBODYS") is None and environment("NOBODYS", "x") == "x"


def test_importing_the_settings_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("broken: [", encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import mlrun_like.configuration, sys; print('yaml' in sys.modules)",
        ],
        env={ENV_PREFIX + "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_variables_of_a_kubernetes_service_of_that_name_are_no_settings(tmp_path: Path) -> None:
    config = make(tmp_path, MLRUN_LIKE_GATEWAY_PORT="tcp://10.1.2.3:8071")
    assert config.explain("gateway_port") == (8071, "default")
    assert "gateway_port" not in config.changed()
