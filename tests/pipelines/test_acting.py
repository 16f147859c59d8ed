"""Steps that build and deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import RunError
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.projects.operations import build_function, deploy_function
from mlrun_like.registry import resolve

SERVED = """
def handler(context, event):
    return f"hello {event.body.decode()}"
"""


@function(returns=["greeting"])
def choose(word: str) -> str:
    return word.upper()


@function(returns=["where"])
def use(endpoint: str, name: str) -> str:
    return f"{name} at {endpoint}"


def test_a_deployment_takes_values_of_steps_and_gives_its_address() -> None:
    served: Any = new_function("web", "demo", kind="nuclio").with_code(body=SERVED)

    @pipeline
    def flow(word: str = "hello") -> Any:
        greeting: Any = choose(word)
        web = deploy_function(served, env={"GREETING": greeting}, mock=True)
        return use(web.outputs["endpoint"], web.outputs["name"])

    assert [step.outputs for step in flow.plan.steps][1] == ("endpoint", "name")
    run = LocalEngine(report=None).run(flow.plan).check()
    assert run.outputs == {"where": "web at Mock"}
    assert run.steps["web"].uid == "", "a deployment is no run"
    assert served.get_env("GREETING") == "HELLO"
    answer: Any = served.invoke("/", body="ann")
    assert answer in (b"hello ann", "hello ann")


def test_what_cannot_be_built_fails_its_step(tmp_path: Path) -> None:
    job: Any = new_function("job", "demo", kind="job", image="x").with_code(body="def f(): pass")

    @pipeline
    def flow() -> Any:
        built = build_function(job, base_image="nowhere.invalid/none:1", image="nowhere.invalid/a")
        return use(built.outputs["image"], "job")

    run = LocalEngine(report=None).run(flow.plan)
    with pytest.raises(RunError, match=r"nowhere\.invalid"):
        run.check()
    assert (run.steps["job"].state, run.steps["use"].blocked) == ("error", True)


def test_every_action_exists() -> None:
    calls = resolve("mlrun_like.pipelines.acting:_CALLS")
    assert all(callable(resolve(path)) for path in calls.values())
