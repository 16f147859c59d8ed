from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import (
    FunctionError,
    GraphError,
    InvalidArgumentError,
    NotFoundError,
    PackagingError,
    PreflightError,
    StepError,
)
from mlrun_like.serving import V2ModelServer
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import RouterStep
from mlrun_like.serving.event import Event
from mlrun_like.serving.function import graph_of
from mlrun_like.serving.models.voting import VotingEnsemble
from mlrun_like.serving.server import GraphServer


class Times(V2ModelServer):
    def load(self) -> None:
        self.model = self.get_param("factor", 1)

    def predict(self, request: dict[str, Any]) -> list[Any]:
        return [value * self.model for value in request["inputs"]]


class Trail:
    def __init__(self, context: GraphContext, name: str = "") -> None:
        self.context, self.name = context, name

    def do(self, body: list[str]) -> list[str]:
        return [*body, self.name]


def tell(body: Any, context: GraphContext) -> list[Any]:
    return [context.get_param(body), context.get_secret(body)]


def begin(server: GraphServer) -> None:
    server.context.shared = {"ready": True}  # type: ignore[attr-defined]


class Begun:
    def __init__(self, context: Any) -> None:
        self.shared = context.shared

    def do(self, body: Any) -> Any:
        return self.shared


CODE = "class Mark:\n    def do(self, body):\n        return [*body, 'own']\n"


def function(name: str = "f", **values: Any) -> Any:
    return ml.new_function(name, kind="serving", **values)


def flow(engine: str = "sync", **values: Any) -> tuple[Any, Graph]:
    fn = function(**values)
    return fn, fn.set_topology("flow", engine=engine)


class TestTopology:
    def test_it_is_set_once(self) -> None:
        fn, graph = flow()
        assert fn.spec.graph is graph
        with pytest.raises(InvalidArgumentError, match="already set"):
            fn.set_topology("router")
        router = fn.set_topology("router", exist_ok=True)
        assert isinstance(router, RouterStep) and fn.spec.graph.kind == "router"

    @pytest.mark.parametrize("name", ["flaw", "FLOW", "ensemble", 5])
    def test_unknown_topologies(self, name: Any) -> None:
        fn = function()
        with pytest.raises(InvalidArgumentError, match="unsupported topology"):
            fn.set_topology(name)
        assert fn.spec.graph is None

    def test_a_flow_has_no_class(self) -> None:
        with pytest.raises(InvalidArgumentError, match="a flow has no class"):
            function().set_topology("flow", "Ensemble")
        with pytest.raises(InvalidArgumentError, match=r"no class.*\['vote_type'\]"):
            function().set_topology("flow", vote_type="mean")

    def test_an_unknown_engine_is_a_mistake_of_the_graph(self) -> None:
        fn, graph = flow("asink")
        graph.to(abs)
        with pytest.raises(GraphError, match="engine 'asink' is not one of"):
            fn.to_mock_server()

    def test_a_flow_without_answer_gives_the_event_id(self) -> None:
        fn, graph = flow("async")
        graph.to(abs)
        assert fn.to_mock_server().test(body=-1, event_id="e1") == {"id": "e1"}

    def test_a_router_given_as_object_class_or_name(self) -> None:
        name = "mlrun.serving.routers.VotingEnsemble"
        made = VotingEnsemble(vote_type="regression")
        for router in (made, VotingEnsemble, name):
            fn = function()
            values = {} if router is made else {"vote_type": "regression"}
            fn.set_topology("router", router, **values)
            fn.add_model("a", ".", Times, factor=1)
            fn.add_model("b", ".", Times(factor=3))
            server = fn.to_mock_server()
            assert server.test("/v2/models/infer", {"inputs": [5]})["outputs"] == [10.0]
            assert server.test("/v2/models/b/infer", {"inputs": [5]})["outputs"] == [15]

    def test_a_step_that_is_no_router(self) -> None:
        step = Graph().to(abs)
        with pytest.raises(InvalidArgumentError, match="step 'abs' is not a router"):
            function().set_topology("router", step)


class TestModels:
    def test_the_first_model_makes_a_router(self) -> None:
        fn = function()
        fn.add_model("m", ".", Times, factor=2)
        assert fn.to_mock_server().test("/v2/models/m/infer", {"inputs": [4]})["outputs"] == [8]

    def test_the_default_class(self) -> None:
        fn = function()
        with pytest.raises(InvalidArgumentError, match="needs class_name"):
            fn.add_model("m", ".")
        fn.spec.default_class = "Times"
        fn.add_model("m", ".", factor=2)
        assert fn.to_mock_server().test("/v2/models/m/infer", {"inputs": [1]})["outputs"] == [2]

    def test_what_a_model_needs(self) -> None:
        fn = function()
        with pytest.raises(InvalidArgumentError, match="needs model_path or model_url"):
            fn.add_model("m")
        assert fn.spec.graph is None  # what is refused leaves no router behind
        with pytest.raises(InvalidArgumentError, match="not both"):
            fn.add_model("m", ".", model_url="http://host/m")
        step = fn.add_model("far", model_url="http://host/m")
        assert step.class_name == "$remote" and step.class_args["url"] == "http://host/m"

    def test_the_router_of_a_flow(self) -> None:
        fn, graph = flow()
        graph.to(abs, "first")
        with pytest.raises(InvalidArgumentError, match="has no router to add models to"):
            fn.add_model("m", ".", Times)
        graph["first"].to("*", "one").to("*", "two")
        with pytest.raises(InvalidArgumentError, match=r"\(one, two\); please specify"):
            fn.add_model("m", ".", Times)
        with pytest.raises(InvalidArgumentError, match="no router named 'three'"):
            fn.add_model("m", ".", Times, router_step="three")
        fn.add_model("m", ".", Times, router_step="two")
        assert "m" in graph["two"].routes  # type: ignore[attr-defined]

    def test_states_are_removed(self) -> None:
        fn = function()
        fn.remove_states(["nothing"])
        for key in "abc":
            fn.add_model(key, ".", Times)
        fn.remove_states(["a", "zzz"])
        router = fn.spec.graph.steps[0]
        assert list(router.routes) == ["b", "c"]
        fn.remove_states([])
        assert router.routes == {}
        fn, graph = flow()
        graph.to(abs, "a").to(abs, "b")
        fn.remove_states(["b"])
        assert [step.name for step in graph.steps] == ["a"]

    def test_routes_may_be_assigned(self) -> None:
        fn = function()
        router = fn.set_topology("router")
        spare = Graph()
        router.routes = {
            "x": spare.add_step(Times, "", factor=2),
            "y:v2": spare.add_step(Times, "", factor=3),
        }
        server = fn.to_mock_server()
        assert server.test("/v2/models/x/infer", {"inputs": [1]})["outputs"] == [2]
        found = server.test("/v2/models/y/versions/v2/infer", {"inputs": [1]})
        assert found["outputs"] == [3] and found["model_version"] == "v2"

    def test_loading_in_the_background(self) -> None:
        fn = function()
        fn.spec.load_mode = "async"
        fn.add_model("m", ".", Times)
        assert fn.to_mock_server().context.load_mode == "async"
        with pytest.raises(InvalidArgumentError, match="illegal model loading mode 'later'"):
            fn.spec.load_mode = "later"


class TestServer:
    def test_no_graph(self) -> None:
        for fn in (function(), flow()[0]):
            with pytest.raises(GraphError, match="nothing to serve"):
                fn.to_mock_server()
        with pytest.raises(GraphError, match="no graph to plot"):
            function().plot()
        with pytest.raises(InvalidArgumentError, match="is no graph"):
            graph_of(function())

    def test_parameters(self) -> None:
        fn, graph = flow()
        graph.parameters["a"] = graph.parameters["b"] = graph.parameters["c"] = "graph"
        fn.spec.parameters.update(b="function", c="function")
        graph.to(tell)
        server = fn.to_mock_server(c="server")
        assert [server.test(body=key)[0] for key in "abcd"] == ["graph", "function", "server", None]

    def test_secrets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "x.env").write_text("F=from file\n")
        monkeypatch.setenv("E", "from env")
        fn, graph = flow()
        fn.with_secrets("inline", {"I": "hidden"}).with_secrets("file", str(tmp_path / "x.env"))
        fn.with_secrets("env", "E")
        graph.to(tell)
        server = fn.to_mock_server()
        assert [server.test(body=key)[1] for key in "IFE"] == ["hidden", "from file", "from env"]
        assert "hidden" not in fn.to_yaml()
        again = ml.new_function(runtime=fn.to_dict())
        found = again.to_mock_server()  # type: ignore[attr-defined]
        assert [found.test(body=key)[1] for key in "IFE"] == [None, "from file", "from env"]
        again.with_secrets("inline", {"I": "new"})  # type: ignore[attr-defined]
        found = again.to_mock_server()  # type: ignore[attr-defined]
        assert [found.test(body=key)[1] for key in "IFE"] == ["new", "from file", "from env"]
        with pytest.raises(InvalidArgumentError, match="kind 'vault' cannot be used"):
            fn.with_secrets("vault", "x")
        with pytest.raises(NotFoundError):
            fn.with_secrets("file", "/no/such.env")

    def test_names_are_found_in_the_given_place_the_own_code_and_here(self, tmp_path: Path) -> None:
        path = tmp_path / "marks.py"
        path.write_text(CODE)
        given: Mapping[str, Any] = {"last": lambda body: [*body, "given"]}
        for fn in (
            ml.code_to_function("m", filename=str(path), kind="serving"),
            ml.new_function("m", command=str(path), kind="serving"),
        ):
            graph = fn.set_topology("flow", engine="sync")  # type: ignore[attr-defined]
            graph.to("Mark").to("Trail", "here").to(handler="last")
            server = fn.to_mock_server(namespace=given)  # type: ignore[attr-defined]
            assert server.test(body=[]) == ["own", "here", "given"]
            with pytest.raises(GraphError, match="no 'last' in the calling module"):
                fn.to_mock_server()  # type: ignore[attr-defined]

    def test_the_folder_of_the_code(self, tmp_path: Path) -> None:
        (tmp_path / "somewhere.py").write_text(CODE)
        fn, graph = flow(command="somewhere.py")
        graph.to("Mark")
        assert fn.to_mock_server(workdir=str(tmp_path)).test(body=[]) == ["own"]
        with pytest.raises(GraphError, match="code of function 'f' cannot be loaded"):
            fn.to_mock_server()

    @pytest.mark.parametrize("initializer", ["begin", f"{__name__}.begin", begin])
    def test_the_initializer_comes_before_the_steps(self, initializer: Any) -> None:
        fn, graph = flow()
        graph.to(Begun)
        fn.spec.graph_initializer = initializer
        assert fn.to_mock_server().test(body=1) == {"ready": True}
        assert fn.to_dict()["spec"]["graph_initializer"].endswith("begin")

    def test_an_initializer_that_cannot_be_found_or_written(self) -> None:
        fn, graph = flow()
        graph.to(abs)
        fn.spec.graph_initializer = "no.such.thing"
        with pytest.raises(NotFoundError, match=r"no\.such\.thing"):
            fn.to_mock_server()
        fn.spec.graph_initializer = lambda server: None
        with pytest.raises(GraphError, match=r"graph_initializer holds .* no importable name"):
            fn.to_dict()

    def test_the_default_content_type(self) -> None:
        fn, graph = flow()
        graph.to(name="kind", handler="(type(event).__name__)")
        assert fn.to_mock_server().test(body="[1]") == "list"
        fn.spec.default_content_type = "text/plain"
        server = fn.to_mock_server()
        assert server.test(body="[1]") == "str"
        assert server.test(body="[1]", content_type="application/json") == "list"

    def test_context(self) -> None:
        fn, graph = flow(project="shop")
        graph.to(Trail)
        fn.verbose = True
        context = fn.to_mock_server().context
        assert (context.project, context.verbose, context.is_mock) == ("shop", True, True)
        assert context.function_uri == "shop/f" and context.current_function == "*"
        assert fn.server([globals()]).context.is_mock is False
        assert ml.new_function(runtime=fn.to_dict()).verbose is True  # type: ignore[attr-defined]

    def test_the_error_stream(self) -> None:
        fn, graph = flow("async")
        graph.to(abs)
        fn.spec.error_stream = "dummy://"
        server = fn.to_mock_server()
        assert server.test(body="text", event_id="e9") == {"id": "e9"}
        (pushed,) = server.errors.stream.event_list
        assert b'"function_uri":"default/f"' in pushed and b'"source":"abs"' in pushed
        assert not graph.error_stream  # the definition is as it was

    def test_pictures(self, tmp_path: Path) -> None:
        fn, graph = flow()
        graph.to(abs, "size").respond()
        assert "size" in fn.plot(tmp_path / "g.svg", source="in").svg
        assert (tmp_path / "g.svg").read_text().startswith("<svg")
        assert "flowchart TB" in fn.plot(rankdir="TB").mermaid


class TestTracking:
    def records(self, fn: Any, **values: Any) -> list[Any]:
        server = fn.to_mock_server(**values)
        server.test("/v2/models/m/infer", {"inputs": [4]})
        server.close()
        return list(server.context.stream.output_stream.event_list)

    def tracked(self, *args: Any, **values: Any) -> Any:
        fn = function(project="shop")
        fn.add_model("m", ".", Times, factor=2)
        fn.set_tracking(*args, **values)
        return fn

    def test_records(self) -> None:
        fn = self.tracked("dummy://")
        assert fn.spec.track_models is True
        (record,) = self.records(fn)
        assert record["function_uri"] == "shop/f" and record["resp"]["outputs"] == [8]
        fn.set_tracking("dummy://", enable_tracking=False)
        assert fn.spec.track_models is False and self.records(fn) == []
        fn.set_tracking("dummy://", sample=2)
        assert len(self.records(fn)) == 1 and fn.spec.parameters["log_stream_sample"] == 2

    def test_a_mock_server_writes_to_no_real_stream_unless_told(self) -> None:
        fn = self.tracked("memory://there", batch=3, stream_args={"shards": 2})
        assert fn.spec.parameters["stream_args"] == {"shards": 2}
        assert "log_stream" not in fn.to_mock_server().context.parameters
        assert "log_stream_batch" not in fn.to_mock_server().context.parameters
        assert fn.server([globals()]).context.parameters["log_stream"] == "memory://there"

    @pytest.mark.parametrize(
        "values",
        [{"batch": 0}, {"sample": -1}, {"batch": "many"}, {"sampling_percentage": 0},
         {"sampling_percentage": 101}],
    )  # fmt: skip
    def test_numbers_out_of_range(self, values: Any) -> None:
        fn = function()
        with pytest.raises(InvalidArgumentError, match=next(iter(values))):
            fn.set_tracking("dummy://", **values)
        assert fn.spec.track_models is None


class TestChildren:
    def split(self, path: str) -> tuple[Any, Graph]:
        fn, graph = flow()
        step = graph.to(Trail, "a").to(">>", "q", path=path)
        step.to("Mark", "b", function="child").to(Trail, "c", function="child").respond()
        return fn, graph

    @pytest.mark.parametrize("path", ["", "memory://q"])
    def test_their_code_is_looked_up_and_their_part_can_be_tried(
        self, tmp_path: Path, path: str
    ) -> None:
        (tmp_path / "part.py").write_text(CODE)
        fn, _ = self.split(path)
        child = fn.add_child_function("child", str(tmp_path / "part.py"), requirements="numpy")
        assert (child.kind, child.name) == ("serving", "child")
        assert fn.to_mock_server().test(body=[]) == ["a", "own", "c"]
        assert fn.to_mock_server(current_function="child").test(body=[]) == ["own", "c"]
        with pytest.raises(GraphError, match=r"no function 'chil'\. Did you mean 'child'"):
            fn.to_mock_server(current_function="chil")
        own = fn.to_mock_server(current_function=fn.name)
        assert list(own.plan.nodes) == ["a", "q"]

    def test_they_travel_with_the_document(self, tmp_path: Path) -> None:
        (tmp_path / "part.py").write_text(CODE)
        fn, _ = self.split("")
        child = fn.add_child_function("child", str(tmp_path / "part.py"), "image:1", ["numpy>=1"])
        child.spec.build.commands.append("echo")
        document = fn.to_dict()
        (tmp_path / "part.py").unlink()
        again: Any = ml.new_function(runtime=document)
        found = again.spec.child_functions()["child"]
        assert found.spec.build.commands == ["echo"] and found.spec.image == "image:1"
        assert again.to_mock_server().test(body=[]) == ["a", "own", "c"]

    def test_a_reference_without_document_is_made_when_needed(self, tmp_path: Path) -> None:
        (tmp_path / "part.py").write_text(CODE)
        (tmp_path / "needs.txt").write_text("numpy\n")
        fn, _ = self.split("")
        document = fn.to_dict()
        reference = {
            "url": str(tmp_path / "part.py"),
            "requirements": [str(tmp_path / "needs.txt")],
        }
        document["spec"]["function_refs"] = {"child": reference}
        again: Any = ml.new_function(runtime=document)
        assert again.to_mock_server().test(body=[]) == ["a", "own", "c"]
        assert again.spec.children["child"].spec.build.requirements == ["numpy"]

    def test_a_child_from_a_document(self, tmp_path: Path) -> None:
        (tmp_path / "part.py").write_text(CODE)
        made = ml.code_to_function("old", filename=str(tmp_path / "part.py"), kind="serving")
        made.export(str(tmp_path / "function.yaml"))
        fn, _ = self.split("")
        child = fn.add_child_function("child", str(tmp_path / "function.yaml"))
        assert child.name == "child"
        assert fn.to_mock_server().test(body=[]) == ["a", "own", "c"]

    def test_tracking_is_passed_on(self) -> None:
        fn = function()
        fn.set_tracking("dummy://")
        first = fn.add_child_function("one")
        assert first.spec.track_models is True
        second = fn.add_child_function("two", kind="job")
        fn.set_tracking(enable_tracking=False)
        assert first.spec.track_models is False and second.spec.track_models is None

    def test_mistakes(self) -> None:
        fn = function()
        with pytest.raises(InvalidArgumentError, match="needs a name"):
            fn.add_child_function("")
        with pytest.raises(PackagingError, match="does not exist"):
            fn.add_child_function("x", "/no/such.py")
        with pytest.raises(NotFoundError):
            fn.add_child_function("x", "/no/such.yaml")
        with pytest.raises(FunctionError, match="unsupported runtime"):
            fn.add_child_function("x", kind="nonsense")
        assert fn.spec.function_refs == {}


class TestDocument:
    def made(self) -> Any:
        fn = function("net", project="shop", tag="v1")
        graph = fn.set_topology("flow", engine="sync")
        graph.to(Trail, "a").to("*", "models", result_path="out", input_path="in").respond()
        fn.add_model("m", ".", Times, factor=2)
        fn.spec.parameters["p"] = 1
        fn.spec.error_stream = "dummy://errors"
        fn.spec.load_mode = "sync"
        return fn

    def test_export_and_import(self, tmp_path: Path) -> None:
        fn = self.made()
        for name in ("function.yaml", "function.json"):
            fn.export(str(tmp_path / name))
            again: Any = ml.import_function(tmp_path / name)
            assert again.spec.graph.to_dict() == fn.spec.graph.to_dict()
            assert again.spec.parameters == {"p": 1} and again.spec.load_mode == "sync"
            assert again.spec.error_stream == "dummy://errors"

    def test_the_store(self) -> None:
        fn = self.made()
        uri = fn.save(tag="v1")
        for url in (f"db://{uri}", "db://shop/net:v1"):
            again: Any = ml.import_function(url)
            assert again.kind == "serving"
            assert again.spec.graph.to_dict() == fn.spec.graph.to_dict()

    def test_a_change_of_the_graph_is_in_the_document(self) -> None:
        fn, graph = flow()
        assert fn.to_dict()["spec"]["graph"] == {"kind": "root", "engine": "sync", "steps": {}}
        graph.to(abs, "size")
        assert "size" in fn.to_dict()["spec"]["graph"]["steps"]
        fn.spec.graph = None
        assert "graph" not in fn.to_dict()["spec"]
        fn.spec.graph = {"steps": {"x": {"handler": "builtins.abs"}}}
        assert fn.spec.graph.steps[0].name == "x"

    @pytest.mark.parametrize("value", [5, "steps", [], {"steps": 3}, {"stps": {}}])
    def test_a_graph_that_is_none(self, value: Any) -> None:
        with pytest.raises(InvalidArgumentError):
            function().spec.graph = value

    def test_a_document_with_a_broken_graph_names_the_mistake(self) -> None:
        document = self.made().to_dict()
        document["spec"]["graph"]["steps"]["a"]["clas_name"] = "x"
        with pytest.raises(GraphError, match="unknown key 'clas_name'"):
            ml.new_function(runtime=document).to_mock_server()  # type: ignore[attr-defined]


class TestInvoke:
    def served(self) -> Any:
        fn = function()
        fn.add_model("m", ".", Times, factor=2)
        return fn

    def test_a_mock(self) -> None:
        fn = self.served()
        body = {"inputs": [3]}
        assert fn.invoke("/v2/models/m/infer", body, mock=True)["outputs"] == [6]
        assert fn.invoke("/v2/models/m/infer", body)["outputs"] == [6]  # it stays one
        with pytest.raises(FunctionError, match="not deployed"):
            fn.invoke("/v2/models/m/infer", body, mock=False)
        with pytest.raises(FunctionError, match="not deployed"):
            fn.invoke("/v2/models/m/infer", body)
        with pytest.raises(StepError, match="model x"):
            fn.invoke("/v2/models/x/infer", body, mock=True)

    @pytest.mark.parametrize("setting", ["1", "auto", " Auto"])
    def test_the_setting(self, setting: str) -> None:
        fn = self.served()
        with config.override(mock_nuclio_deployment=setting):
            assert fn.deploy() == "mock://default/f"
            assert fn.invoke("/v2/models/m/infer", {"inputs": [3]})["outputs"] == [6]
            with pytest.raises(FunctionError, match="cannot be deployed"):
                fn.deploy(mock=False, target="nuclio")

    @pytest.mark.parametrize("setting", ["", "0", "off"])
    def test_deployment_is_not_from_here(self, setting: str) -> None:
        fn = self.served()
        with (
            config.override(mock_nuclio_deployment=setting),
            pytest.raises(FunctionError, match="cannot be deployed to a cluster"),
        ):
            fn.deploy(target="nuclio")
        assert fn.deploy("shop", "v2", mock=True) == "mock://shop/f"
        assert fn.metadata.tag == "v2"

    def test_deployment_checks_first(self) -> None:
        with pytest.raises(GraphError, match="nothing to serve"):
            function().deploy()
        fn, graph = flow()
        graph.to(abs).to(abs, "two", function="far")
        with pytest.raises(InvalidArgumentError, match="function far is used in steps"):
            fn.deploy()
        fn.add_child_function("far")
        with pytest.raises(PreflightError, match="without a queue between them"):
            fn.deploy()


def test_a_graph_of_anything() -> None:
    fn, graph = flow()
    step = graph.to(abs)
    assert graph_of(fn) is graph_of(graph) is graph_of(step) is graph


def test_objects_are_made_anew_for_each_server() -> None:
    fn = function()
    model = Times(factor=2)
    fn.add_model("m", ".", model)
    first, second = fn.to_mock_server(), fn.to_mock_server()
    objects = [server.step("router").routes["m"].object for server in (first, second)]
    assert model not in objects and objects[0] is not objects[1]
    assert objects[0].context is first.context and objects[0].name == "m"


def test_events_of_a_served_function() -> None:
    fn, graph = flow()
    graph.to(Trail, "a").respond()
    response = fn.server([sys.modules[__name__]]).run(Event([]))
    assert response.body == ["a"] and response.status_code == 200
