"""Indexes that anybody may have written: nothing leaves the catalogue, nothing unnamed is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, NotFoundError, SpecError
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.index import entry_of, is_published, read_index
from mlrun_like.marketplace.looking import digest_of
from mlrun_like.marketplace.source import HubSource
from tests.marketplace.catalogues import FUNCTION, write

GOOD = digest_of(FUNCTION.encode())


def index(root: Path, rows: Any, kind: str = "functions") -> HubSource:
    """A catalogue with that index, and a function in the folder of 1.0.0."""
    write(root, f"{kind}/master/catalog.json", rows if isinstance(rows, str) else json.dumps(rows))
    write(root, f"{kind}/master/one/1.0.0/src/function.yaml", FUNCTION)
    config.hub_url = str(root)
    return HubSource("default", str(root))


def test_what_is_latest_is_read_from_its_version(tmp_path: Path) -> None:
    row = {"version": "1.0.0", "digest": GOOD, "spec": {"kind": "job"}}
    source = index(tmp_path, {"one": {"latest": row, "1.0.0": row}})
    entry = entry_of(source, "one")
    assert entry is not None and entry.folder == "functions/master/one/1.0.0/"
    assert ml.import_function("hub://one").metadata.name == "describe"
    assert entry_of(source, "two") is None and entry_of(source, "one", "2.0.0") is None
    assert is_published(source, "one") and not is_published(source, "two")
    assert read_index(source, "steps") is None
    # what lies there and is not named is not there
    write(tmp_path, "functions/master/one/2.0.0/src/function.yaml", FUNCTION)
    with pytest.raises(NotFoundError):
        ml.import_function("hub://one:2.0.0")


def test_the_older_form_with_kinds_and_channels(tmp_path: Path) -> None:
    row = {"version": "1.0.0", "digest": GOOD}
    source = index(tmp_path, {"functions": {"master": {"one": {"latest": row}}}})
    assert entry_of(source, "one") is not None
    assert [item.name for item in read_catalogue(source).items] == ["one"]


@pytest.mark.parametrize(
    "row",
    [
        {"version": "../../../../etc", "digest": GOOD},
        {"version": "/etc", "digest": GOOD},
        {"version": "1.0.0/../../two", "digest": GOOD},
        {"version": "a\nb", "digest": GOOD},
        {"version": ["1.0.0"], "digest": GOOD},
        {"version": {"a": 1}, "digest": GOOD},
        {"version": "1.0.0", "digest": "sha256:0"},
        {"version": "1.0.0", "digest": "x" * 100_000},
        {"version": "1.0.0", "digest": GOOD.upper()},
    ],
)
def test_rows_that_lead_elsewhere_or_promise_other_bytes(tmp_path: Path, row: Any) -> None:
    source = index(tmp_path, {"one": {"latest": row}})
    with pytest.raises(MLRunLikeError):
        ml.import_function("hub://one")
    read_catalogue(source)


@pytest.mark.parametrize(
    "rows",
    ["", "[]", "null", "5", '"x"', "{", "[" * 100_000, '{"one": ' * 5000, "\x00", '{"one": NaN}'],
)
def test_texts_that_are_no_index(tmp_path: Path, rows: str) -> None:
    source = index(tmp_path, rows)
    with pytest.raises(SpecError):
        entry_of(source, "one")
    with pytest.raises(SpecError):
        ml.import_function("hub://one")


@pytest.mark.parametrize("rows", [{"one": 5}, {"one": []}, {"one": {"latest": 5}}, {"one": {}}, {}])
def test_rows_that_say_nothing_of_it(tmp_path: Path, rows: Any) -> None:
    source = index(tmp_path, rows)
    assert entry_of(source, "one") is None and not is_published(source, "one")
    with pytest.raises(NotFoundError):
        ml.import_function("hub://one")
    # an index without digests names, and does not hide
    assert ml.import_function("hub://one:1.0.0").kind == "job"
