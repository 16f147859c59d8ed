"""Which Python a base image has, found without running anything of it."""

from __future__ import annotations

import pytest

from mlrun_like.errors import BuildError
from mlrun_like.images.base import inspect_base
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.layers import Layer
from tests.images.wheels import DEBIAN, OFFICIAL, base_with


def test_debian() -> None:
    found = inspect_base(base_with(DEBIAN))
    assert found.target.python == "3.11"
    assert found.target.site == "/usr/local/lib/python3.11/dist-packages"
    assert (found.target.prefix, found.target.executable) == ("/usr/local", "/usr/bin/python3")
    assert found.target.on_path and found.target.libc == "gnu"
    assert found.packages["pip"].version == "23.0.1"


def test_a_python_of_its_own_wins_over_the_systems() -> None:
    target = inspect_base(base_with(OFFICIAL)).target
    assert (target.python, target.executable) == ("3.12", "/usr/local/bin/python3")
    assert target.site == "/usr/local/lib/python3.12/site-packages"


def test_conda_and_virtual_environments_by_path() -> None:
    conda = {
        "/opt/conda/bin/python3": "-> python3.10",
        "/opt/conda/bin/python3.10": "ELF",
        "/opt/conda/lib/python3.10/site-packages/": "",
    }
    path = {"PATH": "/opt/conda/bin:/usr/bin"}
    assert inspect_base(base_with(DEBIAN, conda, env=path)).target.prefix == "/opt/conda"
    venv = {
        "/venv/bin/python3": "-> /usr/bin/python3",
        "/venv/pyvenv.cfg": "home = /usr/bin",
        "/venv/lib/python3.11/site-packages/": "",
    }
    target = inspect_base(base_with(DEBIAN, venv, env={"PATH": "/venv/bin:/usr/bin"})).target
    assert target.site == "/venv/lib/python3.11/site-packages"
    assert (target.prefix, target.executable) == ("/venv", "/venv/bin/python3")


def test_alpine_is_seen_by_its_loader() -> None:
    alpine = {
        "/usr/bin/python3": "-> python3.12",
        "/usr/bin/python3.12": "ELF",
        "/usr/lib/python3.12/site-packages/": "",
        "/lib/ld-musl-x86_64.so.1": "ELF",
    }
    target = inspect_base(base_with(alpine)).target
    assert (target.libc, target.site) == ("musl", "/usr/lib/python3.12/site-packages")


def test_a_python_without_known_folder_gets_one_of_ours() -> None:
    target = inspect_base(
        base_with({"/usr/bin/python3.11": "ELF", "/usr/bin/python3": "-> python3.11"})
    ).target
    assert not target.on_path
    assert target.site == "/opt/mlrun-like/site"


def test_later_layers_remove_and_replace() -> None:
    gone = {"/usr/bin/python3.11": "(removed)", "/usr/bin/python3": "(removed)"}
    with pytest.raises(BuildError, match="no Python"):
        inspect_base(base_with(DEBIAN, gone))
    newer = {"/usr/bin/python3": "-> python3.13", "/usr/bin/python3.13": "ELF"}
    assert inspect_base(base_with(DEBIAN, newer)).target.python == "3.13"


def test_without_python_the_message_says_what_to_do() -> None:
    with pytest.raises(BuildError, match="no Python 3") as caught:
        inspect_base(base_with({"/bin/sh": "ELF"}))
    assert "python='3.11'" in caught.value.fix
    target = inspect_base(base_with({"/bin/sh": "ELF"}), "3.11").target
    assert (target.python, target.on_path) == ("3.11", False)


def test_links_that_lead_in_a_circle_or_outside_are_no_python() -> None:
    circle = {"/usr/bin/python3": "-> python", "/usr/bin/python": "-> python3"}
    outside = {"/usr/local/bin/python3": "-> ../../../../../etc/passwd"}
    with pytest.raises(BuildError, match="no Python"):
        inspect_base(base_with(circle, outside))


def test_installed_packages_with_their_files() -> None:
    site = "/usr/local/lib/python3.12/site-packages"
    record = "tool/__init__.py,,\n../../../bin/tool,,\ntool-1.5.dist-info/RECORD,,\n"
    files = {
        f"{site}/tool/__init__.py": "",
        f"{site}/tool-1.5.dist-info/RECORD": record,
        f"{site}/old_thing-0.1-py3.12.egg-info": "",
        f"{site}/Broken-2.dist-info/RECORD": '"unfinished',
    }
    packages = inspect_base(base_with(OFFICIAL, files)).packages
    assert packages["tool"].version == "1.5"
    assert f"{site}/tool/__init__.py" in packages["tool"].files
    assert "/usr/local/bin/tool" in packages["tool"].files
    assert packages["old-thing"].version == "0.1"
    assert packages["broken"].version == "2"


def test_what_was_found_is_kept() -> None:
    image = base_with(DEBIAN)
    first = inspect_base(image)
    cache = BlobCache()
    for layer in image.layers:
        cache.path(layer.digest).unlink()
    assert inspect_base(image) == first


def test_a_damaged_layer_is_named() -> None:
    cache = BlobCache()
    digest = cache.put(b"this is no archive")
    image = base_with(DEBIAN)
    broken = image.with_layers(Layer(digest, digest, 18))
    with pytest.raises(BuildError, match="cannot be read") as caught:
        inspect_base(broken)
    assert digest in caught.value.where
