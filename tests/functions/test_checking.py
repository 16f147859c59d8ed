"""What is found before a run starts."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import EngineError, InvalidArgumentError, PreflightError
from mlrun_like.functions.preflight.code import read_code
from mlrun_like.functions.preflight.needs import check_installed, check_requirements
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store


def make(tmp_path: Path, code: str, kind: str = "process", **options: Any) -> ml.Function[..., Any]:
    file = tmp_path / "train.py"
    file.write_text(textwrap.dedent(code))
    return ml.code_to_function("train", filename=file, kind=kind, handler="train", **options)


def codes(found: list[Finding], severity: str = "error") -> list[str]:
    return [item.code for item in found if item.severity == severity]


def test_a_sound_function_has_no_findings(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    fn = make(tmp_path, "import json\ndef train(context, data, depth=1): ...")
    assert fn.check(params={"depth": 2}, inputs={"data": str(data)}) == []


def test_everything_wrong_is_found_at_once_and_nothing_runs(tmp_path: Path) -> None:
    fn = make(
        tmp_path,
        """
        import no_such_package
        def train(context, data): ...
        """,
        requirements=["pandas==0.1", "also-missing"],
    )
    fn.spec.resources = {"limits": {"cpu": "much", "memory": "1Gi"}, "requests": {"memory": "2Gi"}}
    locked = tmp_path / "file"
    locked.write_text("")
    with pytest.raises(PreflightError) as caught:
        fn.run(inputs={"data": "nowhere.csv"}, artifact_path=str(locked / "below"))
    found = {item["code"] for item in caught.value.findings}
    assert found == {
        "import-missing",
        "requirement-version",
        "requirement-missing",
        "resource-malformed",
        "resource-request",
        "input-missing",
        "artifact-path",
    }
    assert all(item["fix"] and item["what"] for item in caught.value.findings)
    assert "1. " in str(caught.value)
    assert open_store().list_runs(RunQuery(project="*")) == []


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("import absent\ndef train(): ...", "error"),
        ("def train():\n    from absent.part import x", "error"),
        ("def other():\n    import absent\ndef train(): return [other]", "warning"),
        (
            "try:\n    import absent\nexcept ImportError:\n    absent = None\ndef train(): ...",
            "warning",
        ),
        ("import sys\nif sys.version_info > (4,):\n    import absent\ndef train(): ...", "warning"),
    ],
)
def test_an_import_that_may_never_run_is_a_warning(
    tmp_path: Path, code: str, severity: str
) -> None:
    fn = make(tmp_path, code)
    assert codes(fn.check(), severity) == ["import-missing"]


def test_what_only_type_checkers_import_is_not_needed(tmp_path: Path) -> None:
    code = """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import absent
        def train(): ...
        """
    assert make(tmp_path, code).check() == []


def test_modules_beside_the_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("import absent_from_helper\n")
    found = make(tmp_path, "import helpers\ndef train(): ...").check()
    assert [item.where for item in found] == ["helpers.py:1"]


def test_secrets_and_variables_that_are_not_set_are_found(tmp_path: Path) -> None:
    fn = make(
        tmp_path,
        """
        import os
        def train(context):
            os.environ["OUT"] = "1"
            return context.get_secret("API_TOKEN"), os.environ["REGION_OF_TEST"], os.environ["HOME"]
        """,
    )
    assert codes(fn.check(), "warning") == ["secret-missing"]
    assert codes(fn.check()) == ["variable-missing"]  # it would be a KeyError
    fn.set_env("REGION_OF_TEST", "eu").set_env("API_TOKEN", "x")
    assert fn.check() == []


def test_a_mistake_in_the_call_is_a_finding_too(tmp_path: Path) -> None:
    fn = make(tmp_path, "def train(depth): ...")
    (found,) = fn.check()
    assert found.code == "function"
    assert "depth" in found.what


def test_contradicting_pins() -> None:
    (found,) = check_requirements(["Pandas==1.0", "numpy>=1", "pandas==2.0"], "f")
    assert found.code == "requirements-conflict"
    assert not list(check_requirements(["a==1", "a>=1", "b==1;python_version<'3'", "b==2"], "f"))


def test_versions_are_compared_with_what_is_installed() -> None:
    assert not list(check_installed(["pandas>=1", "pandas[all]", "absent; python_version<'3'"], ""))
    (found,) = check_installed(["pandas<1"], "")
    assert found.code == "requirement-version"


def test_broken_code_is_a_finding_with_its_line() -> None:
    document = FunctionDoc()
    document.spec.build.functionSourceCode = "ZGVmIGYoOgogICAgcGFzcw=="  # def f(:
    (found,) = read_code(document).findings
    assert found.code == "syntax"
    assert found.where.endswith(":1")
    document.spec.build.functionSourceCode = "***"
    (found,) = read_code(document).findings
    assert found.code == "code-damaged"


def test_a_kind_without_its_engine_runs_here_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    fn = make(tmp_path, "def train(x):\n    return x + 1", kind="job")
    run = fn.run(params={"x": 1})
    assert run.outputs["return"] == 2
    assert capfd.readouterr().err == ""  # `job` alone is no wish for a cluster
    fn.spec.node_selector = {"gpu": "yes"}
    assert fn.run(params={"x": 1}).outputs["return"] == 2
    assert "kind 'process'" in capfd.readouterr().err
    with pytest.raises(EngineError) as caught:
        fn.run(params={"x": 1}, local=False)
    assert "local=True" in caught.value.fix
    with ml.config.override(force_run_local="false"), pytest.raises(EngineError):
        fn.run(params={"x": 1})
    with ml.config.override(force_run_local="perhaps"), pytest.raises(InvalidArgumentError):
        fn.run(params={"x": 1})
