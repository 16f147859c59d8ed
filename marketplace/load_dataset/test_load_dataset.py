from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError

sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "digits", "iris", "wine"])
def test_a_data_set_is_what_scikit_learn_has(name: str) -> None:
    fn: Any = ml.import_function("hub://load_dataset")
    run = fn.run(params={"dataset": name}, local=True)
    features, target = getattr(sklearn, f"load_{name}")(return_X_y=True)
    frame = run.artifact(name).as_df()
    assert (frame.drop(columns="labels").to_numpy() == features).all()
    assert (frame["labels"].to_numpy() == target).all()
    assert run.outputs["rows"] == len(target) and run.outputs["features"] == features.shape[1]
    if name != "diabetes":
        assert run.outputs["classes"] == len(set(target))


def test_several_targets_names_and_arguments() -> None:
    fn: Any = ml.import_function("hub://load-dataset")
    frame = fn.run(params={"dataset": "linnerud"}, local=True).artifact("linnerud").as_df()
    assert list(frame.columns) == ["Chins", "Situps", "Jumps", "Weight", "Waist", "Pulse"]
    params = {"dataset": "digits", "name": "two", "file_ext": "csv", "params": {"n_class": 2}}
    run = fn.run(params=params, local=True)
    assert run.outputs["classes"] == 2 and run.outputs["rows"] == 360
    assert run.artifact("two").url.endswith("two.csv")
    assert set(run.artifact("two").as_df()["labels"]) == {0, 1}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"dataset": "irsi"}, "there is no data set 'irsi'. Did you mean 'iris'"),
        ({"dataset": "boston"}, "removed 'boston'"),
        ({"dataset": "__import__"}, "there is no data set"),
        ({"dataset": "iris", "params": {"n_class": 2}}, "does not load 'iris' with"),
        ({"dataset": "iris", "file_ext": "exe"}, "unsupported format 'exe'"),
    ],
)
def test_what_cannot_be_loaded_is_said(params: dict[str, object], said: str) -> None:
    with pytest.raises(RunError, match=said):
        ml.import_function("hub://load_dataset").run(params=params, local=True)
