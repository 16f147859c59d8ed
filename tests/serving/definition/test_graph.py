from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event


def double(body: int) -> int:
    return body * 2


class Scale:
    def __init__(self, factor: int, name: str = "", context: Any = None) -> None:
        self.factor, self.name, self.context = factor, name, context

    def do(self, body: int) -> int:
        return body * self.factor


def two_steps() -> Graph:
    graph = flow()
    graph.to(double).to(Scale, "scale", factor=10).respond()
    return graph


def test_two_steps_answer() -> None:
    assert two_steps().to_mock_server().test(body=3) == 60


def test_a_dictionary_round_trip_keeps_the_graph() -> None:
    document = two_steps().to_dict()
    assert document["steps"]["scale"] == {
        "kind": "task",
        "class_name": f"{__name__}.Scale",
        "class_args": {"factor": 10},
        "after": ["double"],
        "responder": True,
    }
    assert document["steps"]["double"]["handler"] == f"{__name__}.double"
    again = Graph.from_dict(document)
    assert again.to_dict() == document
    assert Graph.from_yaml(again.to_yaml()).to_dict() == document


def test_names_come_from_the_calling_module_or_the_given_namespace(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    path.write_text(
        "kind: root\nsteps:\n  first: {handler: double}\n"
        "  second: {class_name: Scale, class_args: {factor: 2}, after: first, responder: true}\n"
    )
    assert Graph.from_yaml(path).to_mock_server().test(body=1) == 4
    with pytest.raises(GraphError, match="no 'double' in the calling module"):
        Graph.from_yaml(path).to_mock_server(namespace=[{"Scale": Scale}])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "steps: 3", "steps: {a: 1}", ": :", "\x00", "steps: {a: {kind: queu}}",
     "steps: {a: {clas_name: x}}", "kind: router\nroutes: 3", "steps: {a: {after: {b: c}}}",
     "parameters: 4\nsteps: {}", "[" * 1500, "steps: {1: {}}", "!!python/object:os.system {}"],
)  # fmt: skip
def test_broken_documents_are_refused(text: str) -> None:
    with pytest.raises(GraphError):
        Graph.from_yaml(text)


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(GraphError, match=r"unknown key 'clas_name'\. Did you mean 'class_name'"):
        Graph.from_dict({"steps": {"a": {"clas_name": "x"}}})
    with pytest.raises(GraphError, match="cannot be read"):
        Graph.from_yaml(Path("/does/not/exist.yaml"))


def test_local_functions_cannot_be_written() -> None:
    graph = flow()
    graph.to(lambda body: body, "inline")
    with pytest.raises(GraphError, match=r"'inline' holds .* no importable name"):
        graph.to_dict()


def test_all_mistakes_come_at_once() -> None:
    graph = flow(engine="asinc")
    graph.to(Scale, "a")
    graph.to(Scale, "a", factr=3).respond()
    graph.to("Missing", "b").respond()
    graph.to("json.nothing", "c")
    graph.to("no_such_package.x", "d").after_step("e", "ghost")
    graph.to(None, "e").after_step("d")
    graph.to(lambda: 1, "f")
    graph.to(Scale, "g", handler="doo", factor=1)
    graph.to(Event, "h")
    with pytest.raises(GraphError) as caught:
        graph.to_mock_server()
    text = str(caught.value)
    for part in (
        "engine 'asinc' is not one of: async, sync. Did you mean 'async'?",
        "2 steps are named 'a'",
        "missing a required argument: 'factor'",
        "has no argument 'factr'. Did you mean 'factor'?",
        "only one step can respond, but these do: a, b",
        "there is no 'Missing' in the calling module",
        "'json' has no 'nothing'",
        "there is no module 'no_such_package'",
        "comes after 'ghost', which does not exist",
        "loop: d -> e -> d",
        "step 'e': it has neither a class nor a function",
        "step 'f'",
        "Scale has no method 'doo'. Did you mean 'do'?",
        "Event has no method do_event, do or __call__",
    ):
        assert part in text, part


def test_an_empty_graph_is_refused() -> None:
    with pytest.raises(GraphError, match="has no steps"):
        flow().to_mock_server()
    with pytest.raises(GraphError, match="no step 'x'"):
        flow()["x"]


def test_a_responder_reached_twice_is_refused() -> None:
    graph = flow()
    start = graph.to(double, "start")
    start.to(double, "left")
    start.to(double, "right")
    graph.add_step(double, "end", after=["left", "right"]).respond()
    with pytest.raises(GraphError, match="'end' responds but is reached on several ways"):
        graph.to_mock_server()


def test_a_failing_constructor_names_its_step() -> None:
    class Broken:
        def __init__(self) -> None:
            raise OSError("no disk")

        def do(self, body: Any) -> Any:
            return body

    graph = flow()
    graph.to(Broken, "one").to(Broken, "two")
    with pytest.raises(GraphError, match=r"'one': OSError: no disk\n.*'two'"):
        graph.to_mock_server()


def test_a_module_that_fails_to_import_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_steps.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    graph = flow()
    graph.to("failing_steps.Step", "s")
    with pytest.raises(GraphError, match="importing 'failing_steps' failed: ModuleNotFound"):
        graph.to_mock_server()


def test_plot_is_a_picture() -> None:
    graph = flow()
    graph.to(double, 'say "hi"').to(double, "b").respond()
    picture = graph.plot()
    assert picture.svg.startswith("<svg") and "flowchart LR" in picture.mermaid


def test_each_loop_is_named() -> None:
    graph = flow()
    for first, second in (("a", "b"), ("x", "y")):
        graph.add_step(double, first, after=second)
        graph.add_step(double, second, after=first)
    graph.add_step(double, "c", after="b")
    with pytest.raises(GraphError) as caught:
        graph.to_mock_server()
    assert str(caught.value).count("form a loop") == 2


def untyped(**values: Any) -> Any:
    return flow(**values)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: untyped().to(double, 5), "the name of a step must be a text, not 5"),
        (lambda: untyped().to(double, []), r"the name of a step must be a text, not \[\]"),
        (lambda: untyped().to(double, "s", input_path=5), "(?s)input_path .* not 5.*step 's'"),
        (lambda: untyped().to(double).to(double, result_path=["a"]), "result_path must be a text"),
        (lambda: untyped().to(double, function=double), "function must be a text"),
        (lambda: untyped().to(double, full_event="yes"), "full_event must be True or False"),
        (lambda: untyped().add_step(double, "s", after=5), "(?s)after must name steps.*step 's'"),
        (lambda: untyped().add_step(double, before=[None]), "before must name steps, not None"),
        (lambda: untyped().to(double).after_step(5), "after_step must name steps, not 5"),
        (lambda: untyped().error_handler(5, double), "the name of a step must be a text"),
        (lambda: untyped().to(double).error_handler("h", double, input_path=5), "input_path must"),
        (lambda: untyped().to(double).error_handler("h", double, before=5), "before must name"),
        (lambda: untyped().add_step("*").add_route(5, class_name=Scale), "the name of a step"),
        (lambda: untyped(parameters=5), "parameters must be a mapping"),
        (lambda: untyped(parameters={5: 5}), "parameters must be a mapping"),
    ],
)
def test_arguments_of_wrong_types_are_refused(call: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said) as caught:
        call()
    assert isinstance(caught.value, TypeError)
    assert caught.value.fix


def test_steps_of_one_name_are_no_loop() -> None:
    graph = flow()
    graph.to(double).to(double).respond()
    with pytest.raises(GraphError, match="2 steps are named 'double'") as caught:
        graph.to_mock_server()
    assert "loop" not in str(caught.value)


def test_an_error_handler_that_leads_back_is_named() -> None:
    graph = flow()
    graph.to(double, "z").error_handler("h", handler="(event)", before="z")
    with pytest.raises(GraphError, match="'h' leads back to 'z'"):
        graph.to_mock_server()


class Counted:
    @classmethod
    def do(cls, body: int) -> int:
        return body + 1


def test_methods_of_the_class_are_methods() -> None:
    graph = flow()
    graph.to(Counted).respond()
    assert graph.to_mock_server().test(body=1) == 2


def test_a_lambda_as_text_is_explained() -> None:
    graph = flow()
    graph.to(name="s", handler="lambda event: 1")
    with pytest.raises(GraphError, match="in parentheses"):
        graph.to_mock_server()


def test_arguments_that_are_none_are_not_given() -> None:
    graph = flow(parameters=None)
    values: dict[str, Any] = {"full_event": None, "function": None, "graph_shape": None}
    graph.to(double, None, None, input_path=None, **values).respond()
    assert graph.to_mock_server().test(body=2) == 4


@pytest.mark.parametrize(
    ("class_name", "values", "said"),
    [
        ("storey.FlatMap", {"_fn": "(event)"}, "FlatMap cannot be batched, because it emits"),
        ("storey.Filter", {"_fn": "(event)"}, "Filter cannot be batched, because it only keeps"),
        ("storey.Batch", {"max_events": 2}, "Batch cannot be batched"),
    ],
)
def test_batching_of_steps_that_are_no_functions_of_a_body_is_refused(
    class_name: str, values: dict[str, Any], said: str
) -> None:
    graph = flow()
    graph.to(class_name, **values).options(batching=True)
    with pytest.raises(GraphError, match=said):
        graph.to_mock_server()


def test_batching_of_a_router_is_refused() -> None:
    graph = flow()
    router: Any = graph.add_step("*", "router")
    router.add_route("m", handler=double)
    router.options(batching=True)
    with pytest.raises(GraphError, match="give batching to its routes"):
        graph.to_mock_server()


def test_the_end_of_a_flow_cannot_respond() -> None:
    graph = flow()
    graph.to("storey.Reduce", "sum", initial_value=0, _fn="(max)").respond()
    with pytest.raises(GraphError, match="'sum' ends the flow, so it cannot respond"):
        graph.to_mock_server()


def test_a_choice_that_has_nothing_to_choose_by_is_refused() -> None:
    graph = flow()
    graph.to("storey.Choice", "c").to(double)
    with pytest.raises(GraphError, match="nothing to choose by"):
        graph.to_mock_server()
    graph = flow()
    graph.to("storey.Choice", "c", choice_array=[("double", "(event > 1)")]).to(double)
    with pytest.raises(GraphError, match=r"is not a function: '\(event > 1\)'"):
        graph.to_mock_server()
