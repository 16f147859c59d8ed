"""The catalogue that comes with the product: each item is whole, and does what its README says."""

from __future__ import annotations

import gzip
import importlib.metadata
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.configuration import config, environment_copy
from mlrun_like.marketplace import shipped_folder
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.sharing.checking import item_of, validate_item
from mlrun_like.marketplace.source import list_sources
from mlrun_like.tracking.connect import open_store
from tests.marketplace.outside import outside

FOLDER = shipped_folder()
assert FOLDER is not None
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/item.yaml"))
ELSEWHERE: Mapping[str, str] = {
    "hugging_face_serving": "its README's line loads a model from the internet",
    "llm_proxy": "its README's line asks a server of language models",
}
"""Items whose README cannot run where there is no network; their examples and tests can."""
_BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def needs(name: str) -> None:
    """Skip if what the item needs beyond the product is not installed here."""
    missing = []
    for line in item_of(Path(str(FOLDER), name)).requirements:
        found = _NAME.match(line)
        assert found is not None
        try:
            importlib.metadata.version(found[0])
        except importlib.metadata.PackageNotFoundError:
            missing.append(found[0])
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


def run(command: list[str], folder: Path) -> str:
    """What a program prints, in a folder and home of its own."""
    home = folder / ".home"
    home.mkdir()
    path = f"{Path(sys.executable).parent}:{environment_copy().get('PATH', '')}"
    own = {"MLRUN_LIKE_HOME": str(home), "HOME": str(home), "PATH": path, "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=folder, env={**environment_copy(), **own}, capture_output=True, text=True,
        timeout=240, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def a_persons_files(folder: Path) -> None:
    """The files that READMEs speak of: tables, texts, archives, a database."""
    frame = pd.DataFrame(
        {
            "age": [20 + number % 50 for number in range(200)],
            "income": [1000.0 + 7 * number for number in range(200)],
            "city": [("Oslo", "Rome", "Lima")[number % 3] for number in range(200)],
            "churned": [number % 2 for number in range(200)],
        }
    )
    for name in ("data", "old", "new"):
        frame.to_csv(folder / f"{name}.csv", index=False)
    rows = {"a": range(8), "b": range(8), "label": range(0, 16, 2)}
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    (folder / "letters").mkdir()
    (folder / "letters" / "one.txt").write_text("Write to ann@example.org, please.")
    with gzip.open(folder / "readings.csv.gz", "wt") as file:
        frame.to_csv(file, index=False)
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        archive.writestr("one.txt", "one")
    with sqlite3.connect(folder / "shop.db") as database:
        frame.to_sql("orders", database, index=False)
    database.close()


def test_it_is_the_last_source_and_whole() -> None:
    source = list_sources(open_store())[-1]
    assert source.name == "default" and source.path == str(FOLDER)
    found = read_catalogue(source)
    assert found.problems == [] and sorted(one.name for one in found.items) == NAMES
    assert len(NAMES) > 30
    kinds = {one.object_type for one in found.items}
    assert kinds == {"functions", "modules", "steps"}
    with config.override(hub_url="/none/such"):
        assert [one.name for one in list_sources(open_store())] == ["default", "shipped"]


@pytest.mark.parametrize("name", NAMES)
def test_each_item_passes_the_check(name: str) -> None:
    report = validate_item(Path(str(FOLDER), name), resolve=False)
    assert list(report.lines()) == [] and report.notes == []


@pytest.mark.parametrize("name", NAMES)
def test_each_item_becomes_a_function_by_name_and_version(name: str) -> None:
    version = item_of(Path(str(FOLDER), name)).version
    for url in (f"hub://{name}", f"hub://default/{name.replace('_', '-')}:{version}"):
        fn = ml.import_function(url)
        assert fn.metadata.name == name.replace("_", "-")
        assert fn.spec.build.functionSourceCode


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_first_block_of_its_readme_runs(name: str, tmp_path: Path) -> None:
    found = _BLOCK.search(Path(str(FOLDER), name, "README.md").read_text())
    assert found is not None, "there is no block to copy"
    if name in ELSEWHERE:
        pytest.skip(ELSEWHERE[name])
    needs(name)
    a_persons_files(tmp_path)
    language, block = found.groups()
    with outside() as texts:
        for text, real in texts.items():
            block = block.replace(text, real)
        shell = ["bash", "-euc", block]
        shown = run([sys.executable, "-c", block] if language == "python" else shell, tmp_path)
    assert shown.strip(), "it shows nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_its_example_runs(name: str, tmp_path: Path) -> None:
    needs(name)
    example = Path(str(FOLDER), name, str(item_of(Path(str(FOLDER), name)).foreign["example"]))
    assert run([sys.executable, str(example)], tmp_path).strip(), "it shows nothing"


def test_the_guide_names_every_item_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs/marketplace.md").read_text()
    table = text.partition("## What comes with the product")[2]
    rows = "".join(line for line in table.splitlines() if line.startswith("|"))
    assert sorted(re.findall(r"`(\w+)`", rows)) == NAMES
