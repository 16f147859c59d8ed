"""Models that several ModelRunnerSteps share."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.sharing import proxies
from mlrun_like.serving.engine.sharing import share_models
from mlrun_like.serving.steps.runnable_executor import RunnableExecutor
from mlrun_like.serving.steps.runnables import ParallelExecutionRunnable

LOADED: list[str] = []
SHARED = "shared_executor"


@pytest.fixture
def mlrun(compat: Any) -> Any:
    import mlrun

    LOADED.clear()
    return mlrun


def _times(mlrun: Any) -> type:
    class Times(mlrun.serving.Model):  # type: ignore[misc]
        def __init__(self, factor: int = 1, **options: Any) -> None:
            super().__init__(**options)
            self.factor = factor

        def load(self) -> None:
            LOADED.append(self.name)

        def predict(self, body: Any, **kwargs: Any) -> Any:
            if body["x"] < 0:
                raise ValueError("negative")
            return {"y": body["x"] * self.factor}

    return Times


URI = "store://models/shop/price#0@1234567890"


def _graph(mlrun: Any, **options: Any) -> tuple[Any, Any]:
    function = mlrun.new_function("serve", kind="serving", project="shop")
    graph = function.set_topology("flow", engine="async")
    given = {"execution_mechanism": "naive", "model_artifact": URI, **options}
    graph.add_shared_model("times", _times(mlrun), factor=3, **given)
    return function, graph


def _runner(mlrun: Any, name: str, *proxies: str, shared: str | None = "times") -> Any:
    step = mlrun.serving.ModelRunnerStep(name=name)
    for proxy in proxies:
        step.add_shared_model_proxy(proxy, URI, shared)
    return step


@pytest.mark.parametrize("mechanism", ["naive", "thread_pool"])
def test_steps_share_one_model(mlrun: Any, mechanism: str) -> None:
    function, graph = _graph(mlrun, execution_mechanism=mechanism)
    first = _runner(mlrun, "first", "a", "b")
    graph.to(first).respond()
    graph.to(_runner(mlrun, "second", "c", shared=None))
    server = function.to_mock_server()
    assert server.test(body={"x": 2}) == {"a": {"y": 6}, "b": {"y": 6}}
    with pytest.raises(RuntimeError, match="negative"):
        server.test(body={"x": -1})
    server.close()
    assert LOADED == ["times"]


def test_a_single_proxy_answers_as_a_model_would(mlrun: Any) -> None:
    function, graph = _graph(mlrun)
    graph.to(_runner(mlrun, "only", "a")).respond()
    with function.to_mock_server() as server:
        assert server.test(body={"x": 2}) == {"y": 6}


def test_tags_do_not_matter(mlrun: Any) -> None:
    function, graph = _graph(mlrun, model_artifact="store://models/shop/price:v1")
    step = mlrun.serving.ModelRunnerStep(name="runner")
    step.add_shared_model_proxy("a", "store://models/shop/price:v1")
    assert graph.to(step).respond() is step
    assert step.class_args["models"]["a"][1]["shared_runnable_name"] == "times"
    with function.to_mock_server() as server:
        assert server.test(body={"x": 1}) == {"y": 3}


def test_mistakes_of_shared_models(mlrun: Any) -> None:
    _, graph = _graph(mlrun)
    kind = _times(mlrun)
    for options, text in (
        ({"execution_mechanism": "shared_executor"}, "shared model with execution mechanism"),
        ({"execution_mechanism": "gpu"}, "is invalid"),
        ({"name": "times"}, "Model with name times already exists in this graph"),
        ({"model_class": kind(name="other")}, "Inconsistent name"),
        ({"model_class": kind(name="new"), "factor": 2}, "Cannot provide a model object"),
    ):
        given = {
            "name": "new",
            "model_class": kind,
            "execution_mechanism": "naive",
            "model_artifact": URI,
            **options,
        }
        with pytest.raises(InvalidArgumentError, match=text):
            graph.add_shared_model(**given)
    graph.add_shared_model("times", kind(name="times", factor=5), "naive", URI, override=True)
    assert graph.shared_models["times"][1]["factor"] == 5


def test_mistakes_of_proxies(mlrun: Any) -> None:
    _, graph = _graph(mlrun)
    step = _runner(mlrun, "runner", "a")
    with pytest.raises(InvalidArgumentError, match="already exists in this ModelRunnerStep"):
        step.add_shared_model_proxy("a", URI)
    with pytest.raises(InvalidArgumentError, match="must be a string, ModelArtifact or"):
        step.add_shared_model_proxy("b", 7)
    graph.to(step)
    with pytest.raises(GraphError, match="not in the shared models"):
        step.add_shared_model_proxy("b", "store://models/shop/other")
    with pytest.raises(GraphError, match="not in the shared models"):
        step.add_shared_model_proxy("b", URI, "other")
    step.add_shared_model_proxy("b", URI)
    assert step.class_args["models"]["b"][1]["shared_runnable_name"] == "times"
    with pytest.raises(GraphError, match="already contains the model endpoints"):
        graph.to(_runner(mlrun, "again", "a"))
    with pytest.raises(GraphError, match="name mismatch: expected times, got other"):
        graph.to(_runner(mlrun, "wrong", "c", shared="other"))
    lone = mlrun.serving.ModelRunnerStep(name="lone")
    lone.add_shared_model_proxy("d", "store://models/shop/other", "gone")
    with pytest.raises(GraphError, match="Can't find shared model named gone"):
        graph.to(lone)
    assert [item.name for item in graph.steps] == ["runner"]


def test_a_model_that_cannot_be_made(mlrun: Any) -> None:
    function, graph = _graph(mlrun)
    graph.add_shared_model("none", "pkg.No", "naive", "store://models/shop/none")
    graph.to(_runner(mlrun, "runner", "a")).respond()
    with pytest.raises(GraphError, match="shared models could not be created:\n  - 'none'"):
        function.to_mock_server()


MODULE = """
import mlrun

class Named(mlrun.serving.Model):
    def __init__(self, factor=1, **options):
        super().__init__(**options)
        self.factor = factor

    def load(self):
        pass

    def predict(self, body, **kwargs):
        return {"y": body["x"] * self.factor}
"""


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_documents_keep_shared_models(
    mlrun: Any, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared_named.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    graph = Graph(engine="async")
    graph.add_shared_model("times", "shared_named.Named", "thread_pool", URI, factor=4)
    graph.configure_shared_pool_resource(max_threads=2)
    graph.to(_runner(mlrun, "runner", "a", "b")).respond()
    text = graph.to_yaml() if form == "yaml" else json.dumps(graph.to_dict())
    again = Graph.from_yaml(text)
    assert again.to_dict() == graph.to_dict()
    assert again.shared_max_threads == 2
    with again.to_mock_server() as server:
        assert server.context.executor.max_threads == 2
        assert server.test(body={"x": 2}) == {"a": {"y": 8}, "b": {"y": 8}}


@pytest.mark.parametrize(
    ("models", "mechanisms", "text"),
    [
        ({"m": {}}, {"m": "naive"}, "no list of a class's name and its arguments"),
        ({"m": ["C", {1: 2}]}, {"m": "naive"}, "names are no texts"),
        ({"m": ["C", {}]}, {}, "runs in none of"),
        ({"m": ["C", {}]}, {"m": "shared_executor"}, "runs in none of"),
        ({"m": ["C", {}]}, {"m": ["naive"]}, "runs in none of"),
        ([], {}, "shared_models must be dict"),
        ("m", {}, "shared_models must be dict"),
    ],
)
def test_broken_documents(models: Any, mechanisms: Any, text: str) -> None:
    document = {"steps": {}, "shared_models": models, "shared_models_mechanism": mechanisms}
    with pytest.raises(GraphError, match=text):
        Graph.from_dict(document)


def test_prompts_of_one_language_model(mlrun: Any, tmp_path: Path) -> None:
    project = mlrun.get_or_create_project("shop", context=str(tmp_path), user_project=False)
    model = project.log_model("llm", body=b"x", model_file="m.bin")
    prompts = [
        project.log_llm_prompt(
            name,
            prompt_template=[{"role": "user", "content": text}],
            model_artifact=model,
        )
        for name, text in (("short", "{q}?"), ("long", "Please: {q}?"))
    ]

    class Echo(mlrun.serving.LLModel):  # type: ignore[misc]
        def predict(self, body: Any, messages: Any, config: Any, **kwargs: Any) -> Any:
            return messages[0]["content"]

    function = mlrun.new_function("serve", kind="serving", project="shop")
    graph = function.set_topology("flow", engine="async")
    graph.add_shared_model("llm", Echo, "naive", model, result_path="outputs")
    step = mlrun.serving.ModelRunnerStep(name="runner")
    step.add_shared_model_proxy("short", prompts[0], "llm")
    step.add_shared_model_proxy("long", prompts[1].uri)
    graph.to(step).respond()
    with function.to_mock_server() as server:
        assert server.test(body={"q": "Why"}) == {"short": "Why?", "long": "Please: Why?"}


class Keeping(ParallelExecutionRunnable):
    def __init__(self, **options: Any) -> None:
        super().__init__(options["name"])
        self.options = options


def test_arguments_that_a_user_gave_are_kept() -> None:
    graph = Graph(engine="async")
    weights = numpy.arange(3)
    graph.add_shared_model("kept", Keeping, "naive", None, tags=[], weights=weights)
    context = GraphContext()
    share_models(graph, [], context)
    options = context.executor.runnable("kept").options
    assert options["tags"] == [] and options["weights"] is weights
    assert "input_path" not in options and "inputs" not in options


@pytest.mark.parametrize("model", [None, [], ["C"], "CD", ["C", None], ["C", {}, 1], 7])
def test_a_proxy_that_is_no_pair(model: Any) -> None:
    class_args = {"models": {"a": model}, "execution_mechanism_by_model_name": {"a": SHARED}}
    step = SimpleNamespace(name="runner", class_args=class_args)
    with pytest.raises(GraphError, match="'a' is no pair"):
        list(proxies([step]))
    class_args["execution_mechanism_by_model_name"] = {"a": "naive"}
    assert list(proxies([step])) == []


def test_a_nested_graph_replaces_no_model() -> None:
    outer, inner = Graph(engine="async"), Graph(engine="async")
    inner.to(abs)
    weights = numpy.arange(3)
    for graph, given in ((outer, weights), (inner, weights)):
        graph.add_shared_model("kept", Keeping, "naive", None, weights=given)
    outer.to(inner, "same")
    for mechanism, given in (("naive", numpy.arange(3)), ("thread_pool", weights)):
        inner.add_shared_model("kept", Keeping, mechanism, None, override=True, weights=given)
        with pytest.raises(GraphError, match="different shared models named 'kept'"):
            outer.to(inner, "other")
    assert outer.shared_models["kept"][1]["weights"] is weights


def test_pools_are_made_for_all_that_share_them() -> None:
    executor = RunnableExecutor(max_threads=8)
    for name in ("a", "b", "c"):
        executor.add_runnable(ParallelExecutionRunnable(name), "thread_pool")
    executor.init_runnable("a")
    executor.init_executors()
    try:
        assert executor._pools["thread_pool"]._max_workers == 3  # type: ignore[attr-defined]
    finally:
        executor.shutdown()
