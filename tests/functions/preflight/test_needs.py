"""Requirements that cannot be met."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.functions.preflight.needs import check_requirements


@pytest.mark.parametrize(
    "lines",
    [
        ["pandas>=2", "pandas<3"],
        ["pandas>=2,<2.0.1"],
        ["pandas~=2.1", "pandas!=2.1.3"],
        ["pandas==2.*", "pandas>2.1"],
        ["pandas[all]>=2", "pandas (==2.0)"],
        ["pandas>1.9", "pandas<2"],
        ["torch==2.1+cpu"],
        ["pandas===2.0"],
        ["numpy<1.20 ; python_version<'3'", "numpy>=2"],
        ["a @ https://host/a-1.whl", "git+https://host/r.git", "--index-url https://host"],
    ],
)
def test_what_can_be_met(lines: list[str]) -> None:
    assert list(check_requirements(lines, "f")) == []


@pytest.mark.parametrize(
    "lines",
    [
        ["numpy<1.20", "numpy>=2"],
        ["numpy>=2,<1"],
        ["numpy==1.0", "numpy==2.0"],
        ["numpy==1.0", "numpy>1.0"],
        ["numpy==1.*", "numpy>=2"],
        ["numpy>2", "numpy<2"],
        ["numpy==1.0", "numpy!=1.0"],
    ],
)
def test_what_contradicts_itself(lines: list[str]) -> None:
    (found,) = check_requirements(lines, "f")
    assert found.code == "requirements-conflict"
    assert all(repr(line) in found.what for line in lines)


def test_names_of_modules_are_no_packages() -> None:
    (found,) = check_requirements(["sklearn>=1", "scikit-learn"], "f")
    assert found.code == "requirement-name"
    assert "scikit-learn" in found.fix


def test_paths_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert not list(check_requirements(["./here", "-e ./here", "./here[all]"], "f"))
    found = list(check_requirements(["./gone", "-e ./gone[all]"], "f"))
    assert [item.code for item in found] == ["requirement-path"] * 2
