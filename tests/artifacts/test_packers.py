"""What a handler returns: hints, defaults, prefixes, warnings, links and temporary files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.artifacts.packers import (
    Packer,
    PackingWarning,
    link_outputs,
    pack_outputs,
    pack_unhinted,
    register_packer,
    unpack_input,
    unregister_packer,
    workspace,
)
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from tests.artifacts.packing_run import Run


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def run(tmp_path: Path, store_folder: Path) -> Run:
    return Run(tmp_path, store_folder)


FALSY = [0, False, 0.0, "", [], {}, (), set(), None]


@pytest.mark.parametrize("value", FALSY)
def test_empty_values_with_a_hint_are_logged(value: Any, run: Run) -> None:
    with config.override(pack_tuples=True):
        pack_outputs(value, ["out"], run)
    assert "out" in run.results
    assert not run.results["out"]


@pytest.mark.parametrize("value", [value for value in FALSY if value is not None])
def test_empty_values_without_a_hint_are_logged(value: Any, run: Run) -> None:
    pack_unhinted(value, run)
    assert "return" in run.results


def test_nothing_returned_is_nothing_logged(run: Run) -> None:
    pack_unhinted(None, run)
    assert run.results == {}
    assert run.logged == {}


def test_values_without_hints_go_where_their_type_says(run: Run) -> None:
    for value in (pd.DataFrame({"a": [1, 2]}), pd.DataFrame(), np.arange(20.0), object):
        pack_unhinted(value, run)
        assert list(run.logged) == ["return"]
        assert run.results == {}
    pack_unhinted((np.ones(20), 3), run)
    restored = unpack_input(run.input("return"))
    assert isinstance(restored, tuple)
    assert restored[1] == 3


def test_a_tuple_is_several_outputs(run: Run) -> None:
    pack_outputs((1, "two", [3]), ["one", None, "three"], run)
    assert run.results == {"one": 1, "three": [3]}


def test_a_tuple_is_one_output_when_set(run: Run) -> None:
    with config.override(pack_tuples=True):
        pack_outputs((1, 2), ["pair"], run)
    assert run.results == {"pair": [1, 2]}


def test_values_beyond_the_hints_are_reported(run: Run) -> None:
    with pytest.warns(PackingWarning, match=r"2 returned value\(s\).*int, str"):
        pack_outputs((1, 2, "x"), ["one"], run)
    assert run.results == {"one": 1}


def test_hints_beyond_the_values_are_reported(run: Run) -> None:
    with pytest.warns(PackingWarning, match="nothing was logged for: 'two', 'three'"):
        pack_outputs(1, ["one", "two", "three"], run)
    assert run.results == {"one": 1}


def test_what_cannot_be_logged_is_reported_and_the_rest_is_logged(run: Run) -> None:
    with pytest.warns(PackingWarning) as caught:
        pack_outputs(
            (1, 2, lambda: 0, 4, {1: 1, "1": 2}, 6),
            ["a", "b:dataset", {"key": "c", "pickle_module_name": "pickle"}, "d:", "e", "f"],
            run,
        )
    assert run.results == {"a": 1, "f": 6}
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 4
    assert "'b' (int)" in texts[0]
    assert "cannot be logged as 'dataset'" in texts[0]
    assert "fix: use one of: " in texts[0]
    assert "'c' (function)" in texts[1]
    assert "cannot be pickled" in texts[1]
    assert "should specify an artifact type" in texts[2]
    assert "same text" in texts[3]


def test_an_unknown_instruction_is_reported_and_left_out(run: Run) -> None:
    with pytest.warns(PackingWarning, match="'file_fromat'.*Did you mean 'file_format'"):
        run.pack([1], {"key": "a", "artifact_type": "file", "file_fromat": "yaml"})
    assert run.logged["a"].target_path.endswith(".json")


def test_a_store_that_fails_fails_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("disk full")

    monkeypatch.setattr(run, "log_artifact", down)
    with pytest.raises(StoreUnavailableError):
        pack_outputs(b"x" * 5000, ["a"], run)


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        ("*p_", [1, 2], {"p_0": 1, "p_1": 2}),
        ("*p", (1, 2), {"p_0": 1, "p_1": 2}),
        ("*p", {"a": 1, "b": 0}, {"p_a": 1, "p_b": 0}),
        ("**p_", {"a": 1, 2: None}, {"p_a": 1, "p_2": None}),
        ("*p", {5}, {"p_0": 5}),
        ("*p", [], {}),
        ("*p", [[1], [2]], {"p_0": [1], "p_1": [2]}),
        ("2*p", [[1], {"x": 2}], {"p_0_0": 1, "p_1_x": 2}),
    ],
)
def test_prefixes(hint: str, value: Any, expected: dict[str, Any], run: Run) -> None:
    run.pack(value, hint)
    assert run.results == expected


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        ("**p", [1], "prefix ** of 'p' needs a dict, not list"),
        ("*p", 5, "needs a list, tuple, set or dict, not int"),
        ("*p", "text", "not str"),
        ("2*p", [1], "item p_0: .*not int"),
    ],
)
def test_prefixes_on_the_wrong_type(hint: str, value: Any, message: str, run: Run) -> None:
    with pytest.raises(InvalidArgumentError, match=message.replace("**", r"\*\*")):
        run.pack(value, hint)


def test_one_bad_item_does_not_lose_the_others(run: Run) -> None:
    with pytest.warns(PackingWarning, match="item p_1: "):
        pack_outputs([1, {1: 0, "1": 1}, 3], ["*p:result"], run)
    assert run.results == {"p_0": 1, "p_2": 3}


def test_temporary_files_are_removed(run: Run) -> None:
    seen: list[Path] = []

    class Watching(Packer):
        PACKABLE_OBJECT_TYPE = complex

        def pack_object(self, obj: Any, key: str, pickle_module_name: str = "pickle") -> Any:
            packed = super().pack_object(obj, key, pickle_module_name)
            seen.append(Path(packed[0].arguments["local_path"]))
            return packed

    register_packer(Watching)
    try:
        run.pack(1j, "z")
        assert unpack_input(run.input("z")) == 1j
    finally:
        unregister_packer(Watching)
    assert seen
    assert not seen[0].exists()
    assert not seen[0].parent.exists()


def test_links_to_results_artifacts_and_later_outputs(run: Run) -> None:
    hints = [
        {"key": "table", "artifact_type": "dataset",
         "extra_data": ["report", "accuracy"], "metrics": {"accuracy": ..., "fixed": 1}},
        "accuracy",
        "report:file",
    ]  # fmt: skip
    pack_outputs((pd.DataFrame({"a": [1]}), 0.9, "text"), hints, run)
    link_outputs(hints, run)
    spec = run.logged["table"].spec
    assert spec.extra_data == {"report": run.logged["report"].uri, "accuracy": 0.9}
    assert spec.metrics == {"accuracy": 0.9, "fixed": 1}
    assert run.updated == ["table"]


def test_links_to_nothing_become_none(run: Run) -> None:
    hints: list[Any] = [{"key": "a", "artifact_type": "file", "extra_data": ["none"]}]
    pack_outputs([1], hints, run)
    with pytest.warns(PackingWarning, match="'a' links to 'none'"):
        link_outputs(hints, run)
    assert run.logged["a"].spec.extra_data == {"none": None}


def test_links_of_a_result_are_reported(run: Run) -> None:
    hints: list[Any] = ["b", None, {"key": "a", "extra_data": ["b"]}]
    pack_outputs((1, 2, 3), hints, run)
    with pytest.warns(PackingWarning, match="'a' is no artifact"):
        link_outputs(hints, run)


def test_given_links_are_logged_at_once(run: Run) -> None:
    run.pack([1], {"key": "a", "artifact_type": "file", "extra_data": {"source": "s3://b/c"}})
    assert run.logged["a"].spec.extra_data == {"source": "s3://b/c"}


def test_labels_and_tag_of_a_hint(run: Run) -> None:
    run.pack([1], {"key": "a", "artifact_type": "file", "labels": {"x": "y"}, "tag": "v1"})
    assert run.logged["a"].metadata.labels["x"] == "y"


def test_workspaces_remove_what_was_made_in_them() -> None:
    with workspace() as outer:
        kept = outer.folder()
        with workspace() as inner:
            gone = inner.folder()
            loose = kept / "file"
            loose.write_text("")
            inner.remove_later(loose)
        assert kept.exists()
        assert not gone.exists()
        assert not loose.exists()
    assert not kept.exists()


def test_no_warning_for_ordinary_outputs(run: Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pack_outputs((1, [2], {"a": None}), ["a", "b:file", "c:object"], run)
