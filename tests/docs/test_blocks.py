"""Every Python block of every page is run: by a test of the page's own, or here."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlrun_like.api.routes import MODULES
from mlrun_like.tracking.connect import close_stores
from tests.docs.guide import Guide, blocks
from tests.services import Started

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_OWN = {
    "access.md": "test_access_guide",
    "alerts.md": "test_alerts_guide",
    "data-validation.md": "test_data_validation_guide",
    "exports.md": "test_exports_guide",
    "feature-store.md": "test_feature_store_guide",
    "gateway.md": "test_gateway_guide",
    "model-analysis.md": "test_model_analysis_guide",
    "monitoring.md": "test_monitoring_guide",
    "notifications.md": "test_promotion_guide",
    "pipelines.md": "test_pipelines_guide",
    "projects.md": "test_projects_guide",
    "promotion.md": "test_promotion_guide",
    "runtimes-registries.md": "test_registries_page",
    "service.md": "test_service_guide",
    "training.md": "test_training_guide",
    **{path.name: "test_serving_guide" for path in DOCS.glob("serving*.md")},
}
"""Pages that have a test of their own, which does more than running them."""


def _with_python() -> list[str]:
    return sorted(
        str(path.relative_to(DOCS))
        for path in DOCS.rglob("*.md")
        if any(True for _ in blocks(path.read_text("utf-8"), "python"))
    )


_REST = [page for page in _with_python() if page not in _OWN]


def test_pages_with_a_test_of_their_own_have_one() -> None:
    for page, name in _OWN.items():
        assert (DOCS / page).is_file(), page
        text = (Path(__file__).parent / f"{name}.py").read_text("utf-8")
        assert page in text or "serving*.md" in text, f"{name} does not speak of {page}"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Starts a service with all its routes, and gives its address."""
    with contextlib.ExitStack() as stack:

        def start() -> str:
            started = Started(tmp_path / "service", f"sqlite:///{tmp_path}/service.db", MODULES)
            stack.callback(started.kill)
            started.start()
            return started.url

        yield start
        close_stores()


@pytest.mark.slow
@pytest.mark.parametrize("page", _REST)
def test_the_python_of_a_page_runs(
    page: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    address: Callable[[], str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text("utf-8")
    if "http://mlrun.example.org:8080" in text:  # the service of a team
        text = text.replace("http://mlrun.example.org:8080", address())
    logging.getLogger("mlrun_like").setLevel(logging.CRITICAL)  # of errors that are shown
    guide = Guide(page.replace("/", "_"), tmp_path)
    monkeypatch.setitem(sys.modules, guide.module.__name__, guide.module)
    try:
        guide.run(text)
    finally:
        logging.getLogger("mlrun_like").setLevel(logging.NOTSET)
    assert not guide.wrong, "\n".join(guide.wrong)


def test_a_wrong_result_is_noticed(tmp_path: Path) -> None:
    guide = Guide("page.md", tmp_path)
    guide.run(
        "text\n```python\nx = 2\nx + 1  # -> 3\nx + 2  # -> 5\nx / 0  # raises KeyError\n```\n"
    )
    assert guide.wrong == [
        "page.md:5: 5 is really 4",
        "page.md:6: KeyError is really ZeroDivisionError",
    ]
