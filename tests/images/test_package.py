"""This package as a layer, from where it runs."""

from __future__ import annotations

import tarfile

import pytest

from mlrun_like.errors import BuildError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.package import check_python, own_requirements, package_layer, package_version
from mlrun_like.images.target import Target, here

TARGET = here()._replace(site="/usr/lib/site", prefix="/usr/local", executable="/usr/bin/python3")


def test_the_layer() -> None:
    layer, reused = package_layer(TARGET)
    assert not reused
    with BlobCache().open(layer.digest) as file, tarfile.open(fileobj=file) as tar:
        names = tar.getnames()
        script = tar.extractfile("usr/local/bin/mlrun-like")
        info = f"usr/lib/site/mlrun_like-{package_version()}.dist-info"
        metadata = tar.extractfile(f"{info}/METADATA")
        assert script is not None and metadata is not None
        assert script.read().startswith(b"#!/usr/bin/python3\n")
        message = metadata.read().decode()
    assert "usr/lib/site/mlrun_like/runs/entry.py" in names
    assert "usr/lib/site/mlrun_like/py.typed" in names
    assert f"{info}/entry_points.txt" in names
    assert any(name.endswith(".pyc") and "/runs/" in name for name in names)
    for line in own_requirements():
        assert f"Requires-Dist: {line}" in message
    again, reused = package_layer(TARGET)
    assert reused and again == layer


def test_what_it_requires() -> None:
    plain, more = own_requirements(), own_requirements(("postgres", "serving"))
    assert {line.partition(">")[0] for line in plain} >= {"pydantic", "pandas", "uvicorn"}
    added = {line.partition(">")[0].partition("[")[0] for line in more} - {
        line.partition(">")[0] for line in plain
    }
    assert {"psycopg", "uvloop"} <= added
    assert any(line.startswith("uvloop") and "sys_platform" in line for line in more)
    assert not [line for line in more if "extra" in line]


def test_a_python_it_does_not_run_on() -> None:
    check_python(Target("3.12"))
    with pytest.raises(BuildError, match=r"Python 3\.9") as caught:
        check_python(Target("3.9"))
    assert "newer base image" in caught.value.fix
