"""Every tutorial notebook runs from its first to its last cell."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from mlrun_like.gateway.control import starting

FOLDER = Path(__file__).parents[2] / "notebooks"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_runs(path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUN_LIKE_HOME", str(home))
    monkeypatch.setenv("MLRUN_LIKE_GATEWAY_PORT", "0")
    data = home.parent / "feature_store"  # beside notebooks/ in the repository
    if not data.is_symlink():
        data.symlink_to(FOLDER.parent / "feature_store", target_is_directory=True)
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, f"{path.name} is committed with outputs"
    try:
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(home)}}).execute()
    finally:
        starting.down()
