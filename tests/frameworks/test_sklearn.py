"""Auto-logging of scikit-learn: what is recorded, and that it can be served."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy
import pandas
import pytest

from mlrun_like.artifacts.models import get_model, load_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.curves import importances
from mlrun_like.frameworks.sklearn import SKLearnArtifactsLibrary, SKLearnModelHandler, apply_mlrun
from mlrun_like.functions.decorators import function
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models.sklearn import SKLearnModelServer

datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
from sklearn.base import clone  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.ensemble import RandomForestClassifier, VotingClassifier  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, train_test_split  # noqa: E402
from sklearn.multiclass import OneVsRestClassifier  # noqa: E402
from sklearn.multioutput import MultiOutputRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

pytestmark = pytest.mark.slow

TUTORIAL = {"accuracy", "f1_score", "precision_score", "recall_score"}
CHARTS = {"feature-importance", "confusion-matrix", "roc-curves", "calibration-curve"}


def cancer() -> list[Any]:
    frame = datasets.load_breast_cancer(as_frame=True)
    rows = (frame.data - frame.data.mean()) / frame.data.std()  # solvers are quick then
    return list(train_test_split(rows, frame.target, random_state=0))


def keys(context: MLClientCtx) -> set[str]:
    return {item["metadata"]["key"] for item in context.artifacts}


def test_the_tutorial_of_mlrun_gives_its_results_and_artifacts() -> None:
    x, x_test, y, y_test = cancer()

    @function()
    def train(context: MLClientCtx) -> None:
        model = RandomForestClassifier(n_estimators=5, random_state=0)
        apply_mlrun(
            model=model, model_name="cancer", x_test=x_test, y_test=y_test, labels={"team": "a"}
        )
        model.fit(x, y)

    run = train.run()
    assert set(run.outputs) >= {*TUTORIAL, "auc", *CHARTS, "test_set", "model"}
    record = get_model(run.outputs["model"])[1]
    assert record is not None
    assert record.spec.framework == "sklearn" and record.spec.algorithm == "RandomForestClassifier"
    assert [item["name"] for item in record.spec.outputs] == ["target"]
    assert len(record.spec.inputs) == 30
    assert record.spec.feature_stats["mean radius"]["count"] == len(x)
    assert record.spec.metrics["accuracy"] == run.outputs["accuracy"] > 0.9
    assert record.spec.parameters["n_estimators"] == 5
    assert set(record.spec.extra_data) == {*CHARTS, "test_set"}
    assert record.metadata.labels["team"] == "a"
    loaded = load_model(run.outputs["model"])
    assert type(loaded) is RandomForestClassifier
    graph = flow()
    graph.to(SKLearnModelServer, "cancer", model_path=run.outputs["model"]).respond()
    rows = x_test.iloc[:3].to_dict("records")
    answer = graph.to_mock_server().test(body={"inputs": rows})["outputs"]
    assert answer == loaded.predict(x_test.iloc[:3]).tolist()


def test_results_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    x, x_test, y, y_test = cancer()
    model = RandomForestClassifier(n_estimators=5, random_state=0)
    with get_or_create_ctx("train") as context:
        apply_mlrun(model, context=context, x_test=x_test, y_test=y_test)
        model.fit(x, y)
    guessed, shares = model.predict(x_test), model.predict_proba(x_test)[:, 1]
    assert context.results["f1_score"] == metrics.f1_score(y_test, guessed)
    assert context.results["auc"] == metrics.roc_auc_score(y_test, shares)


def test_several_classes_and_texts_as_labels() -> None:
    iris = datasets.load_iris()
    names = numpy.asarray(["setosa", "versicolor", "virginica"])[iris.target]
    model = LogisticRegression(max_iter=500)
    with get_or_create_ctx("train") as context:
        apply_mlrun(model, context=context, x_test=iris.data, y_test=names)
        model.fit(iris.data, names)
    assert set(context.results) == TUTORIAL | {"auc-micro", "auc-macro", "auc-weighted"}
    assert keys(context) == (CHARTS - {"calibration-curve"}) | {"test_set", "model"}


def test_two_classes_that_are_texts() -> None:
    x, x_test, y, y_test = cancer()
    model = make_pipeline(StandardScaler(), LogisticRegression())
    with get_or_create_ctx("train") as context:
        texts = [values.map({0: "bad", 1: "good"}) for values in (y, y_test)]
        apply_mlrun(model, context=context, x_test=x_test, y_test=texts[1])
        model.fit(x, texts[0])
    assert context.results["recall_score"] > 0.9 and keys(context) >= CHARTS


def test_regression() -> None:
    data = datasets.load_diabetes()
    model = LinearRegression()
    with get_or_create_ctx("train") as context:
        apply_mlrun(model, "net", context=context, x_test=data.data, y_test=data.target)
        model.fit(data.data, data.target)
    results = context.results
    assert list(results) == [
        "mean_absolute_error",
        "r2_score",
        "root_mean_squared_error",
        "mean_squared_error",
    ]
    assert results["root_mean_squared_error"] == results["mean_squared_error"] ** 0.5
    assert keys(context) == {"feature-importance", "test_set", "model"}


def test_several_outputs_clusters_and_models_without_probabilities() -> None:
    x, y = numpy.random.rand(40, 3), numpy.random.rand(40, 2)
    with get_or_create_ctx("train") as context:
        several = MultiOutputRegressor(LinearRegression())
        apply_mlrun(several, "several", context=context, x_test=x, y_test=y)
        several.fit(x, y)
        clusters = KMeans(2, n_init=1)
        apply_mlrun(clusters, "clusters", context=context)
        clusters.fit(x)
        machine = LinearSVC()
        apply_mlrun(machine, "machine", context=context, x_test=x, y_test=y[:, 0] > 0.5)
        machine.fit(x, y[:, 0] > 0.5)
    assert keys(context) >= {"model", "clusters", "machine", "confusion-matrix"}
    assert "roc-curves" not in keys(context) and "auc" not in context.results
    outputs = get_model(context.get_cached_artifact("model").uri)[1]
    assert outputs is not None and len(outputs.spec.outputs) == 2


def test_own_metrics_and_artifacts_also_as_parameters_of_the_run() -> None:
    x, x_test, y, y_test = cancer()

    @function()
    def train(context: MLClientCtx) -> None:
        model = LogisticRegression(max_iter=200)
        apply_mlrun(
            model,
            context=context,
            x_test=x_test,
            y_test=y_test,
            auto_log=False,
            metrics={"beta": ("sklearn.metrics.fbeta_score", {"beta": 2})},
            artifacts=[SKLearnArtifactsLibrary.roc_curve()],
        )
        model.fit(x, y)

    run = train.run(
        params={
            "_metrics": [["log_loss", {"need_probabilities": True}]],
            "_artifacts": {"confusion_matrix": {"normalize": "true"}},
        }
    )
    assert set(run.outputs) == {"beta", "log_loss", "confusion-matrix", "roc-curves", "model"}


def test_a_logged_model_is_tested_in_another_run() -> None:
    x, x_test, y, y_test = cancer()
    with get_or_create_ctx("train") as first:
        model = LogisticRegression(max_iter=200)
        handler = apply_mlrun(model, "net", context=first)
        model.fit(x, y)
    with get_or_create_ctx("test") as second:
        tested = apply_mlrun(model_path=handler.model_path, context=second, y_test=y_test)
        tested.model.predict(x_test)
    assert "evaluation_accuracy" in second.results and "accuracy" not in second.results
    assert "evaluation-confusion-matrix" in keys(second)
    record = get_model(handler.model_path)[1]
    assert record is not None
    assert record.spec.metrics["evaluation_accuracy"] == second.results["evaluation_accuracy"]
    assert "evaluation-roc-curves" in record.spec.extra_data


def test_copies_clones_and_pickles_are_plain() -> None:
    x, _, y, _ = cancer()
    model = LogisticRegression(max_iter=200)
    with get_or_create_ctx("train") as context:
        apply_mlrun(model, context=context)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
            assert type(other) is LogisticRegression
            other.fit(x, y)
        clone(model).fit(x, y)
        assert context.artifacts == []
        assert repr(model) == repr(LogisticRegression(max_iter=200))
        assert isinstance(model, LogisticRegression)
        model.fit(x, y)
    assert keys(context) == {"feature-importance", "model"}


def test_a_grid_search_is_logged_once() -> None:
    x, x_test, y, y_test = cancer()
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {}, cv=2)
    with get_or_create_ctx("train") as context:
        apply_mlrun(search, context=context, x_test=x_test, y_test=y_test)
        search.fit(x, y)
    assert keys(context) >= {"model", *CHARTS}
    assert type(load_model(context.get_cached_artifact("model").uri)) is GridSearchCV


def test_a_metric_that_fails_does_not_lose_the_model() -> None:
    x, x_test, y, y_test = cancer()

    def broken(y_true: Any, y_pred: Any) -> float:
        raise ValueError("no")

    with get_or_create_ctx("train") as context:
        model = LogisticRegression(max_iter=200)
        apply_mlrun(model, context=context, x_test=x_test, y_test=y_test, metrics=[broken])
        with pytest.raises(InvalidArgumentError, match=r"metric 'broken' cannot be computed: no"):
            model.fit(x, y)
    assert "model" in keys(context) and "accuracy" in context.results


def test_one_class_in_the_test_set_gives_what_can_be_given() -> None:
    x, _, y, _ = cancer()
    only = y == 1
    model = LogisticRegression(max_iter=200)
    with get_or_create_ctx("train") as context:
        apply_mlrun(model, context=context, x_test=x[only], y_test=y[only])
        model.fit(x, y)
    assert context.results["accuracy"] > 0.9 and "model" in keys(context)


def test_mistakes_are_told_before_training() -> None:
    model = LogisticRegression()
    with get_or_create_ctx("train") as context:
        with pytest.raises(InvalidArgumentError, match="there is no artifact 'roc_curv'"):
            apply_mlrun(model, context=context, artifacts=["roc_curv"])
        with pytest.raises(InvalidArgumentError, match="no argument 'x_tset'"):
            apply_mlrun(model, context=context, x_tset=1)
        with pytest.raises(InvalidArgumentError, match="there is no metric 'acuracy'"):
            apply_mlrun(model, context=context, metrics=["acuracy"])
        with pytest.raises(InvalidArgumentError, match="needs a model or the path"):
            apply_mlrun(context=context)
        with pytest.raises(InvalidArgumentError, match="there are 1 label columns"):
            apply_mlrun(model, "a", context=context, y_columns=["a", "b"])
            model.fit([[0.0], [1.0]], [0, 1])


def test_a_handler_saves_and_loads_by_itself(tmp_path: Any) -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    path = SKLearnModelHandler(model, model_name="net").save(tmp_path)
    assert path.endswith("net.pkl")
    with pytest.raises(InvalidArgumentError, match="there is no run"):
        SKLearnModelHandler(model).log()
    with get_or_create_ctx("log") as context:
        handler = SKLearnModelHandler(model, model_name="net", context=context)
        sample = pandas.DataFrame({"a": [0.0, 1.0], "b": [0, 1]})
        uri = handler.log(sample_set=sample, target_columns="b", labels={"x": 1}, tag="v1").uri
    again = SKLearnModelHandler(model_path=uri)
    assert again.load().predict([[1.0]]).tolist() == [1] and again.model_name == "net"
    assert again.record is not None and again.record.metadata.labels["x"] == "1"


def test_further_models_of_a_run_are_outputs_by_their_names() -> None:
    x, x_test, y, y_test = cancer()
    with get_or_create_ctx("train") as context:
        for name in ("first", "second"):
            model = LogisticRegression(max_iter=1, tol=10)
            apply_mlrun(model, name, context=context, x_test=x_test, y_test=y_test)
            model.fit(x, y)
    uris = {key: context.get_cached_artifact(key).uri for key in ("model", "second")}
    assert "/first#" in uris["model"] and "/second#" in uris["second"]
    assert all(type(load_model(uri)) is LogisticRegression for uri in uris.values())


def test_models_of_models_say_what_counts() -> None:
    x, _, y, _ = cancer()
    classes = [n % 3 for n in range(len(y))]
    several = OneVsRestClassifier(LogisticRegression(max_iter=1, tol=10)).fit(x, classes)
    assert importances(several).shape == (3, 30)
    votes = VotingClassifier([("a", several.estimators_[0]), ("b", several.estimators_[1])])
    assert importances(votes.fit(x, y)).shape == (1, 30)
