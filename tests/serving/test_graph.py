from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.event import Event
from mlrun_like.serving.graph import Graph, flow


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
