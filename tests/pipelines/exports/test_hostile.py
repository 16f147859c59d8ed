"""Exports of plans that want to break out, that are large, or that hold secrets."""

from __future__ import annotations

import ast
import difflib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.exports.package import read_package, shortened, to_package
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.registry import load
from tests.pipelines.exports.schemas import check_schema
from tests.pipelines.exports.test_github import add, echo
from tests.pipelines.programs import PROGRAMS

TARGETS: dict[str, dict[str, Any]] = {
    "kubeflow": {}, "airflow": {}, "github": {}, "gitlab": {}, "argo": {"image": "i:1"},
}  # fmt: skip
TEXTS = [
    "a'b\"c\nd\r\n\te\\", "${{ secrets.TOKEN }} ${{", "$CI_JOB_TOKEN ${CI} $$",
    "{{ ds }} {% raw %}",
    "{{workflow.uid}} {{=sprig.env('X')}}", "!!python/object:os.system &a *a - : # %YAML",
    "\x00\x1b[31m\x7f\u0085\u2028\ufeff", "日本語 🚀 é \U0001f600", "'''\nimport os\nr'''",
    "{{$}} {{$.x}}",
    "MLRUN_LIKE_PIPELINE\nMLRUN_LIKE_PIPELINE", "`id` $(id) ; rm -rf / | cat", "~ null yes 1e3 0o7",
]  # fmt: skip


def export(flow: Pipeline, target: str, **options: Any) -> str:
    return str(load("exporters", target)(flow.plan, "", **{**TARGETS[target], **options}))


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_texts_stay_texts(target: str) -> None:
    @pipeline(name="hostile")
    def flow(word: str = "plain") -> None:
        for number, text in enumerate(TEXTS):
            step: Any = echo.step(name=f"s{number}", params={"text": text})
            step.set_display_name(text.replace("\x00", ""))
        with dsl.If(word == TEXTS[0]):
            echo.step(name="gated", params={"text": word})

    text = export(flow, target)
    if target == "airflow":
        tree = ast.parse(text)
        assert [type(node).__name__ for node in tree.body] == [
            "Import", "ImportFrom", "ImportFrom", "ImportFrom", "ImportFrom",
            "Assign", "Assign", "ClassDef", "FunctionDef", "FunctionDef", "With",
        ]  # fmt: skip
        package = next(
            str(ast.literal_eval(n.value)) for n in tree.body if isinstance(n, ast.Assign)
        )
    else:
        document = next(iter(yaml.safe_load_all(text)))
        if target == "kubeflow":
            executors = document["deploymentSpec"]["executors"]
            found = [
                json.loads(executors[f"exec-s{number}"]["container"]["args"][-1])["params"]["text"]
                for number in range(len(TEXTS))
            ]
            assert found == TEXTS
            return
        if target in ("github", "gitlab"):
            check_schema(text, {"github": "github-workflows", "gitlab": "gitlab-ci"}[target])
        package = {
            "github": lambda: document["env"]["MLRUN_LIKE_PIPELINE"],
            "gitlab": lambda: document["variables"]["MLRUN_LIKE_PIPELINE"]["value"],
            "argo": lambda: document["spec"]["arguments"]["parameters"][-1]["value"],
        }[target]()
    for mark in ("$", "{{", "{%", "'", "`", "\n", "\x1b"):
        assert mark not in package
    plan = read_package(package)
    assert [dict(step.params)["text"] for step in plan.steps][: len(TEXTS)] == TEXTS
    if target != "airflow":
        marks = {"github": "${{ secrets.TOKEN", "gitlab": "$CI_JOB_TOKEN", "argo": "{{=sprig"}
        assert not [leaf for leaf in leaves(document) if marks[target] in leaf]


def leaves(value: Any) -> Iterator[str]:
    """All texts of a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(key)
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield str(value)


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_names_are_refused_or_changed(target: str) -> None:
    bad = 'x"; $(id) ${{ y }} {{ z }}\nq'

    def loop() -> None:
        with dsl.ParallelFor([1], name=bad) as n:
            add(n)  # type: ignore[arg-type]

    def step() -> None:
        add.step(name=bad, params={"a": 1})

    for body in (loop, step):
        try:
            text = export(pipeline(name="named")(body), target)
        except PipelineError:
            continue
        assert target == "kubeflow"
        spec = next(iter(yaml.safe_load_all(text)))
        for names in (spec["components"], spec["root"]["dag"]["tasks"]):
            assert all(name.replace("-", "").isalnum() for name in names)


@pytest.mark.parametrize("target", TARGETS)
def test_secrets_are_named_and_their_values_are_nowhere(target: str) -> None:
    inner: Any = add.copy()
    inner.set_env("DB_PASSWORD", "canary-one").set_env("LEVEL", "high")
    inner.set_env("STORE", "postgresql://me:canary-two@host/db")

    @pipeline(name="secretive")
    def flow() -> None:
        step: Any = inner(1)
        step.set_env_variable("API_TOKEN", "canary-three")

    text = export(flow, target)
    assert "canary" not in text
    for name in ("DB_PASSWORD", "API_TOKEN", "STORE", "LEVEL"):
        assert name in text
    if target == "github":
        environment = yaml.safe_load(text)["env"]
        assert environment["API_TOKEN"] == "${{ secrets.API_TOKEN }}"
    if target == "argo":
        template = next(t for t in yaml.safe_load(text)["spec"]["templates"] if t["name"] == "add")
        rows = {row["name"]: row for row in template["container"]["env"]}
        assert rows["API_TOKEN"]["valueFrom"]["secretKeyRef"]["key"] == "API_TOKEN"
        mine = export(flow, target, secrets={"API_TOKEN": "mine/token"})
        assert "name: mine" in mine


def wide(count: int) -> Pipeline:
    def body() -> None:
        before: Any = add.step(name="first", params={"a": 1})
        for number in range(count - 1):
            before = add.step(name=f"s{number}", params={"a": before.output})

    return pipeline(name="wide")(body)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["kubeflow", "airflow", "github"])
def test_a_thousand_steps(target: str) -> None:
    flow = wide(1000)
    text = export(flow, target)
    assert len(text) < 3_000_000
    if target in ("kubeflow", "airflow"):
        return
    document = yaml.safe_load(text)
    assert text.count("s998") >= 1
    if target == "github":
        assert len(document["jobs"]) == 1000
        package = document["env"]["MLRUN_LIKE_PIPELINE"]
        assert package.startswith("mlrun-like/packed:") and len(package) < 120_000
        assert to_package(read_package(package)) == to_package(flow.plan)


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-20], lambda t: t[:30] + "!" + t[31:], lambda t: "mlrun-like/packed:"]
)
def test_a_damaged_packed_package(damage: Callable[[str], str]) -> None:
    with pytest.raises(PipelineError, match="not a package of a pipeline"):
        read_package(damage(shortened(to_package(wide(3).plan))))


_EXPORT = """
import json
from mlrun_like.registry import load
from tests.pipelines.exports.test_hostile import exported
print(json.dumps(exported()))
"""


def exported() -> dict[str, list[str]]:
    """The lines of some pipelines in every form."""
    return {to: [line for each in PROGRAMS[::8] for line in export(each.flow, to).splitlines()]
            for to in TARGETS}  # fmt: skip


@pytest.mark.slow
def test_exports_are_the_same_in_every_process(tmp_path: Path) -> None:
    pytest.importorskip("hera.workflows")  # changes how PyYAML writes
    here = exported()
    variables = {
        **os.environ,
        "PYTHONHASHSEED": "4242",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "MLRUN_LIKE_HOME": str(tmp_path / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _EXPORT],
        capture_output=True, text=True, timeout=200, env=variables, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    there = json.loads(done.stdout)
    for to, lines in here.items():
        assert "\n".join(difflib.unified_diff(lines, there[to], lineterm="", n=2)) == "", to


def test_what_a_function_went_through_is_not_exported() -> None:
    """A function that has run, was stored or built is the same function."""
    flow = PROGRAMS[0].flow
    before = {to: export(flow, to) for to in TARGETS}
    for step in flow.plan.steps:
        made: Any = step.function
        made._doc().status["state"] = "ready"
        made._doc().metadata.updated = "2026-01-01T00:00:00+00:00"
        made._doc().metadata.hash = "0123456789abcdef0123456789abcdef01234567"
    try:
        assert {to: export(flow, to) for to in TARGETS} == before
    finally:
        for step in flow.plan.steps:
            done: Any = step.function
            done._doc().status.pop("state", None)
            done._doc().metadata.updated, done._doc().metadata.hash = None, ""
