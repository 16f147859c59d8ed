from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError

datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


def _run(**params: Any) -> Any:
    fn: Any = ml.import_function("hub://gen_class_data")
    return fn.run(params={"n_samples": 500, "m_features": 6, "k_classes": 2, **params}, local=True)


def test_it_is_what_scikit_learn_makes_of_the_same_numbers() -> None:
    frame = _run(random_state=7).artifact("classifier-data").as_df()
    features, labels = datasets.make_classification(500, 6, random_state=7, weights=[0.5, 0.5])
    assert (frame.iloc[:, :6].to_numpy() == features).all()
    assert (frame["labels"].to_numpy() == labels).all()
    assert list(frame.columns) == [*(f"feat_{number}" for number in range(6)), "labels"]


def test_classes_are_as_unequal_as_asked() -> None:
    options = {"flip_y": 0}
    shares = _run(n_samples=2000, weight=0.9, sk_params=options).outputs["class_shares"]
    assert shares == pytest.approx({"0": 0.9, "1": 0.1}, abs=0.01)
    run = _run(k_classes=3, weight=[0.2, 0.3, 0.5], sk_params=options)
    assert run.outputs["class_shares"] == pytest.approx({"0": 0.2, "1": 0.3, "2": 0.5}, abs=0.01)


@pytest.mark.parametrize(("features", "classes"), [(1, 2), (2, 3), (2, 4), (3, 8), (5, 20)])
def test_many_classes_have_room(features: int, classes: int) -> None:
    run = _run(m_features=features, k_classes=classes)
    frame = run.artifact("classifier-data").as_df()
    assert frame["labels"].nunique() == classes and frame.shape == (500, features + 1)


def test_names_and_format() -> None:
    run = _run(header=list("abcdef"), label_column="y", key="made", file_ext="csv")
    frame = run.artifact("made").as_df()
    assert list(frame.columns) == [*"abcdef", "y"]
    assert run.artifact("made").url.endswith("made.csv")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"n_samples": 0}, "n_samples is 0"),
        ({"k_classes": 1}, "k_classes is 1"),
        ({"header": ["a"]}, "header has 1 names for 6 features"),
        ({"header": ["a", "a", "b", "c", "d", "e"]}, "the same name"),
        ({"label_column": "feat_0"}, "the same name"),
        ({"weight": 2}, "weight is 2"),
        ({"weight": [0.5, 0.2]}, "weight is"),
        ({"sk_params": {"colour": 1}}, "scikit-learn makes no such data"),
        ({"m_features": 2, "k_classes": 9}, "scikit-learn makes no such data"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=said):
        _run(**params)
