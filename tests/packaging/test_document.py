"""Function documents as files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.errors import (
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    PackagingError,
    SpecError,
)
from mlrun_like.packaging.document import read_document, write_document
from mlrun_like.specs.function import FunctionDoc

HUB = """
kind: job
metadata:
  name: gen-class-data
  tag: ''
  hash: 6d5f
  project: ''
  labels:
    author: somebody
  categories:
  - data-preparation
  credentials:
    access_key: $generate
  updated: 2023-01-09 10:11:12.131415+00:00
spec:
  command: ''
  args: []
  image: mlrun/mlrun
  build:
    functionSourceCode: eCA9IDEK
    base_image: mlrun/mlrun
    commands: []
    code_origin: ''
    with_mlrun: false
    registry: somewhere.example
  entry_points:
    gen:
      name: gen
      doc: Make data
      parameters:
      - name: n
        type: int
        default: 10
      outputs:
      - default: ''
      lineno: 8
  description: Simulate data
  default_handler: gen
  disable_auto_mount: false
  allow_empty_resources: true
  affinity: null
  priority_class_name: ''
  volumes:
  - name: v
    nested: {a: [1, 2]}
verbose: false
"""


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_round_trip_keeps_foreign_fields(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "function.yaml"
    source.write_text(HUB)
    doc = read_document(source)
    assert doc.kind == "job" and doc.spec.default_handler == "gen"
    assert doc.metadata.updated == "2023-01-09 10:11:12.131415+00:00"
    again = read_document(write_document(doc, tmp_path / "new" / f"out{suffix}"))
    assert again == doc
    document = again.to_dict()
    assert document["spec"]["volumes"] == [{"name": "v", "nested": {"a": [1, 2]}}]
    assert document["spec"]["build"]["registry"] == "somewhere.example"
    assert document["metadata"]["credentials"] == {"access_key": "$generate"}
    assert document["spec"]["allow_empty_resources"] is True


def test_urls(tmp_path: Path) -> None:
    doc = FunctionDoc()
    doc.metadata.name = "f"
    for url in (f"file://{tmp_path}/a.yaml", "memory://folder/a.json"):
        assert write_document(doc, url) == url
        assert read_document(url).metadata.name == "f"


def test_format(tmp_path: Path) -> None:
    path = tmp_path / "plain"
    write_document(FunctionDoc(), path, "json")
    assert json.loads(path.read_text())["kind"] == "local"
    with pytest.raises(InvalidArgumentError, match=r"\.toml"):
        write_document(FunctionDoc(), tmp_path / "a.toml")
    assert not (tmp_path / "a.toml").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"[1, 2]", "mapping"),
        (b"3", "mapping"),
        (b"a: b: c", "not YAML"),
        (b"a: 1\na: 2", "there twice"),
        (b'{"kind": "job", "kind": "local"}', "there twice"),
        (b"spec:\n  image: a\n  image: b", "'image'"),
        (b"? [a]\n: 1", "document|YAML"),
        (b"1: 2", "mapping"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"!!python/object/apply:os.system [ls]", "not YAML"),
        (b"spec: 3", "spec"),
        (b"spec: {args: 3}", "args"),
        (b"[" * 3_000, "."),
        (b"a: " + b"x" * (17 * 2**20), "larger"),
    ],
)
def test_bad_documents(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "function.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message):
        read_document(path)


def test_alias_bomb(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    path = tmp_path / "function.yaml"
    path.write_text("\n".join(rows))
    with pytest.raises(SpecError, match="too many"):
        read_document(path)
    path.write_text("a: &a\n  b: *a\n")
    with pytest.raises(SpecError, match="too many"):
        read_document(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(MLRunLikeError):
        read_document(tmp_path)
    with pytest.raises(MLRunLikeError):
        read_document("nosuchscheme://x/y.yaml")


def test_writer_killed_half_way(tmp_path: Path) -> None:
    path = tmp_path / "function.yaml"
    doc = FunctionDoc()
    doc.metadata.name = "old"
    write_document(doc, path)
    script = """
import os, sys
from mlrun_like.packaging.document import write_document
from mlrun_like.specs.function import FunctionDoc
os.fsync = lambda handle: os._exit(9)
write_document(FunctionDoc(), sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == 9
    assert read_document(path).metadata.name == "old"


def test_failed_write_leaves_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(PackagingError, match="no space"):
        write_document(FunctionDoc(), tmp_path / "a.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/f.yaml", "nothing://bucket/f.yaml"])
def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    target = place if "://" in place else str(tmp_path / place)
    with pytest.raises(PackagingError, match="cannot be written") as caught:
        write_document(FunctionDoc(), target)
    assert caught.value.where == target and caught.value.fix
