"""Pictures of plans: frames, arrows, states, and names that try to break out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.blocks import arrows_of, blocks_of
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.nodes import Guard, Loop, Policy, Step
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.run import PipelineRun, StepRun, StepRuns
from mlrun_like.pipelines.tallies import Tallies, Tally, duration
from mlrun_like.tracking.abilities import StepRow

HOSTILE = '"]<script>alert(1)</script>]]>&\x1b[2J\n--> n0 `;%%'


def declared(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `function`, but for type checkers the result may be anything: a step, too."""
    return function(**options)


@declared(returns=["x"])
def one(n: Any = 1, status: Any = None) -> Any:
    return n


@pipeline
def inner(x: float) -> Any:
    return {"x": one.step(name="inside", params={"n": x}).outputs["x"]}


@pipeline
def flow(limit: float = 0.5) -> Any:
    with dsl.ExitHandler(one.step(name="tell"), name="all"):
        rows = one.step(name="load", params={"n": [1, 2]})
        with dsl.ParallelFor(rows.output, name="row", parallelism=2) as row:
            each = one.step(name="fit", params={"n": row})
        best = one.step(name="pick", params={"n": dsl.Collected(each)})
        with dsl.If(best.output >= limit):
            one.step(name="publish")
        with dsl.Elif(best.output >= 0.1):
            inner(best.output)
        with dsl.Else():
            one.step(name="report").after(rows)


def shapes(svg: str) -> list[str]:
    """The classes of all elements; fails if it is no XML."""
    return [element.get("class", "") for element in ET.fromstring(svg).iter()]


def test_blocks_are_in_their_frames() -> None:
    root = blocks_of(flow.plan)
    guard, handler = root.inside
    assert (guard.kind, handler.kind, handler.id) == ("guard", "handler", "n6")
    assert [each.kind for each in guard.inside] == ["step", "loop", "step", "branch"]
    arms = guard.inside[3].inside
    assert [arm.title for arm in arms] == ["if pick.x >= limit", "elif pick.x >= 0.1", "else"]
    assert arms[1].inside[0].kind == "part"
    pairs = {(a.source, a.target, a.end) for a in arrows_of(flow.plan, root)}
    assert ("n0", guard.inside[1].id, False) in pairs  # the loop waits for its items
    assert ("n2", guard.inside[3].id, False) in pairs  # the branch for its values
    assert (guard.id, "n6", True) in pairs and ("n0", "n5", False) in pairs


def test_a_flowchart_has_frames() -> None:
    text = flow.plot()
    assert text.startswith("flowchart LR\n")
    assert 'subgraph g0["for each row of load.x, 2 at a time"]' in text
    assert "-. at the end .-> n6" in text and 'n6(["tell"])' in text
    assert text.count("subgraph") == text.count("    end\n")
    live = flow.plan.plot({"load": "completed", "fit[0]": "error"})
    assert 'n0["load<br/>\N{CHECK MARK} completed"]' in live
    assert "class n1 error" in live and "classDef error" in live


def test_a_picture_is_xml_with_all_steps_and_frames() -> None:
    found = shapes(flow.plan.to_svg())
    assert found.count("step") == 7
    assert [found.count(kind) for kind in ("loop", "branch", "arm", "guard", "part")] == [
        1, 1, 3, 1, 1,
    ]  # fmt: skip
    assert flow.plan.to_svg() == flow.plan.to_svg()


def test_boxes_do_not_overlap() -> None:
    root = ET.fromstring(flow.plan.to_svg())
    wide, high = float(root.get("width") or 0), float(root.get("height") or 0)
    assert 300 < wide < 2000 and 100 < high < 1500


def test_states_are_shown_by_colour_word_and_icon() -> None:
    states = [
        StepRow("load", "completed", "u1", 10.0, 12.5),
        StepRow("fit[0]", "completed", "u2", 10.0, 11.0, {"reused": True}),
        StepRow("fit[1]", "running", "u3", 10.0),
        StepRow("pick", "error", "u4", 1.0, 2.0, {"reason": "boom <b>"}),
        StepRow("publish", "skipped", body={"reason": "gate"}),
        StepRow("gone", "completed"),
    ]
    svg = flow.plan.to_svg(states)
    found = shapes(svg)
    for kind in ("step completed", "step running", "step error", "step skipped", "step waiting"):
        assert kind in found, kind
    assert "\N{CHECK MARK} completed, 2.5 s" in svg and "boom &lt;b&gt;" in svg


def test_rounds_of_loops_are_counted() -> None:
    tallies = Tallies(flow.plan)
    tallies.rounds("row", 100)
    for number in range(37):
        tallies.started(f"fit[{number}]")
        tallies.ended(f"fit[{number}]", StepRun("completed", "u", seconds=0.1))
    fit = tallies.steps["fit"]
    assert fit.state == "running" and fit.words == "running, 37/100, 3.7 s"
    for number in range(37, 100):
        tallies.ended(f"fit[{number}]", StepRun("skipped", reason="gate"))
    assert fit.words == "completed, 100/100, 63 skipped, 3.7 s" and fit.reason == "gate"
    assert Tally(looped=True, running=2).words == "running"
    found = Tally(looped=True, running=2, ended=Counter(completed=3))
    assert found.words == "running, 3 done"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 ms"), (9.96, "10.0 s"), (59.99, "60.0 s"), (3599.9, "1:00 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_hostile_name_stays_a_text() -> None:
    step = Step(HOSTILE, one, {"n": HOSTILE}, policy=Policy(display_name=HOSTILE))
    other = Step("other", one, after=(HOSTILE,))
    plan = Plan(HOSTILE, (Guard("g" + HOSTILE, (Loop("l" + HOSTILE, [1], (step,)),), other),))
    states = {HOSTILE: StepRun("error", reason=HOSTILE)}
    for svg in (plan.to_svg(), plan.to_svg(states), plan._repr_mimebundle_()["text/html"]):
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}
        known = {"svg", "g", "title", "style", "path", "polygon", "rect", "text", "div"}
        assert tags <= known and "\x1b" not in svg
    for text in (plan.plot(), plan.plot(states)):
        assert "<script" not in text and "\x1b" not in text
        assert all(line.count('"') in (0, 2) for line in text.splitlines())


def test_notebooks_show_plans_pipelines_and_runs() -> None:
    shown = flow._repr_mimebundle_()
    assert shown["image/svg+xml"] == flow.plan.to_svg() and shown["text/plain"] == str(flow.plan)
    assert flow.plan._repr_svg_().startswith("<svg ")

    @pipeline
    def wrong() -> None:
        one(nothing=3)

    assert "has no argument 'nothing'" in wrong._repr_mimebundle_()["text/plain"]

    @pipeline(dynamic=True)
    def eager() -> None:
        raise AssertionError("a picture runs nothing")

    assert list(eager._repr_mimebundle_()) == ["text/plain"]
    run = LocalEngine(report=None).run(flow.plan)
    svg = run._repr_svg_()
    assert svg is not None and "step completed" in shapes(svg)
    assert "<svg" in (run._repr_html_() or "")
    assert PipelineRun("p", "u", StepRuns(lambda uid: {}), {})._repr_svg_() is None


@pytest.mark.slow
def test_a_wide_plan_is_drawn_in_seconds() -> None:
    @pipeline
    def wide() -> None:
        first = one()
        for _ in range(300):
            one(first)

    assert wide.plan.to_svg().count('class="step"') == 301
