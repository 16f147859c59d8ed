from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlrun_like.errors import BuildError, IntegrityError, MLRunLikeError, NotFoundError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import digest_of
from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer


def pack(path: Path, members: Mapping[str, bytes | None], mode: str = "w") -> Path:
    """A tar of files; None makes a folder."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data or b"")
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            tar.addfile(info, io.BytesIO(data or b""))
    return path


def contents(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        found = {item.name: tar.extractfile(item) for item in tar if item.isfile()}
        return {name: file.read() for name, file in found.items() if file is not None}


def forget() -> None:
    shutil.rmtree(BlobCache().folder, ignore_errors=True)


def test_round_trip(small: Image, tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.tar"
    assert small.write_archive(path, "team/app:1") == small.digest
    files = contents(path)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for name, data in files.items():
        if name.startswith("blobs/"):
            assert digest_of(data) == "sha256:" + name.rpartition("/")[2]
    first = path.read_bytes()
    forget()
    image = Image.from_archive(path)
    assert image.digest == small.digest and image.config == small.config
    assert Image.open(f"oci-archive:{path}").digest == small.digest
    for name in ("team/app:1", "docker.io/team/app:1"):
        assert Image.from_archive(path, name).digest == small.digest
    with pytest.raises(NotFoundError, match=r"no image 'other'(.|\n)*team/app:1"):
        Image.from_archive(path, "other")
    assert image.write_archive(path, "team/app:1") == small.digest
    assert path.read_bytes() == first
    assert small.write_archive(tmp_path / "unnamed.tar") == small.digest
    assert Image.from_archive(tmp_path / "unnamed.tar").digest == small.digest


def test_a_layout_folder_and_a_compressed_archive(small: Image, tmp_path: Path) -> None:
    small.write_archive(tmp_path / "a.tar")
    forget()
    with tarfile.open(tmp_path / "a.tar") as tar:
        tar.extractall(tmp_path / "layout", filter="data")
    assert Image.open(tmp_path / "layout").digest == small.digest
    forget()
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
    assert Image.from_archive(tmp_path / "a.tar.gz").digest == small.digest
    blob = next((tmp_path / "layout" / "blobs" / "sha256").iterdir())
    shutil.copy(blob, tmp_path / "elsewhere")
    for path in (tmp_path / "layout" / "blobs" / "sha256").iterdir():
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")
    forget()
    with pytest.raises(BuildError, match="has no"):
        Image.open(tmp_path / "layout")


def docker_archive(small: Image) -> dict[str, bytes | None]:
    cache = BlobCache()
    plain = [gzip.decompress(cache.path(layer.digest).read_bytes()) for layer in small.layers]
    item = {"Config": "config.json", "Layers": ["0/layer.tar", "1.tar"], "RepoTags": ["app:1"]}
    return {
        "0": None,
        "0/layer.tar": plain[0],
        "1.tar": plain[1],
        "config.json": small.config_bytes,
        "manifest.json": json.dumps([item]).encode(),
    }


def test_docker_archives(small: Image, tmp_path: Path) -> None:
    path = pack(tmp_path / "d.tar", docker_archive(small))
    forget()
    for text in (str(path), f"docker-archive:{path}"):
        image = Image.open(text)
        assert [layer.diff_id for layer in image.layers] == [
            layer.diff_id for layer in small.layers
        ]
        assert image.config == small.config
    assert Image.from_archive(path, "docker.io/library/app:1").config == small.config
    with pytest.raises(NotFoundError):
        Image.from_archive(path, "app:2")


def test_docker_archives_with_links_and_other_compression(small: Image, tmp_path: Path) -> None:
    members = docker_archive(small)
    first = members.pop("0/layer.tar") or b""
    members["1.tar"] = gzip.compress(members["1.tar"] or b"")
    path = pack(tmp_path / "d.tar", {**members, "real.tar": lzma.compress(first)})
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("0/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../real.tar"
        tar.addfile(link)
    forget()
    image = Image.from_archive(path)
    assert [layer.diff_id for layer in image.layers] == [layer.diff_id for layer in small.layers]


def test_changed_layers_are_found(small: Image, tmp_path: Path) -> None:
    members = docker_archive(small)
    for changed in (b"other", gzip.compress(b"other")):
        forget()
        path = pack(tmp_path / "d.tar", {**members, "1.tar": changed})
        with pytest.raises(IntegrityError, match="should have the digest"):
            Image.from_archive(path)
    small_again = Image.scratch("linux/amd64").with_layers(build_layer([Entry.data("x", b"1")]))
    small_again.write_archive(tmp_path / "a.tar")
    digest = small_again.layers[0].digest
    files = contents(tmp_path / "a.tar")
    files["blobs/" + digest.replace(":", "/")] = b"other"
    forget()
    with pytest.raises(IntegrityError, match="in the archive"):
        Image.from_archive(pack(tmp_path / "b.tar", files))
    assert not list(BlobCache().folder.rglob("partial/*"))


def test_a_root_tar(tmp_path: Path) -> None:
    members = {"./bin": None, "./etc/passwd": b"root:x:0:0::/:/bin/sh\n"}
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        path = pack(tmp_path / f"{mode[2:]}.tar", members, mode)
        image = Image.open(path, "linux/arm64")
        with tarfile.open(path) as tar:
            assert tar.getnames() == ["./bin", "./etc/passwd"]
        assert str(image.platform) == "linux/arm64"
        plain = gzip.decompress(BlobCache().path(image.layers[0].digest).read_bytes())
        assert digest_of(plain) == image.layers[0].diff_id
        assert Image.open(path, "linux/arm64").digest == image.digest
        # another file in its place is not taken for it
        pack(path, {**members, "etc/new": b"x"}, mode)
        assert Image.open(path, "linux/arm64").digest != image.digest
        path.write_bytes(path.read_bytes()[:-10_300] if mode == "w" else path.read_bytes()[:-30])
        with pytest.raises(BuildError, match="damaged"):
            Image.open(path)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "no image"),
        ({"readme.txt": b""}, "no image"),
        ({"etc/../../passwd": b""}, "leads out of it"),
        ({"../../etc/passwd": b"", "index.json": b"{}"}, "leads out of it"),
        ({"index.json": b""}, "is no JSON"),
        ({"index.json": b"{}"}, "malformed"),
        ({"index.json": b'{"manifests": []}'}, "names no image"),
        ({"index.json": b" " * 5_000_000}, "more than"),
        ({"manifest.json": b"{}"}, "no list of images"),
        ({"manifest.json": b"[1]"}, "no list of images"),
        ({"manifest.json": b"[]"}, "several images: no names"),
        ({"manifest.json": b"[{}]"}, "malformed"),
        ({"manifest.json": b'[{"Config": "x", "Layers": []}]'}, "has no 'x'"),
        ({"manifest.json": b'[{"Config": "/etc/passwd", "Layers": []}]'}, "has no '/etc/passwd'"),
        ({"manifest.json": b"[" * 50_000}, "is no JSON"),
        ({"manifest.json": b'[{"Config": "x", "Layers": []}]', "x": b"{}"}, "the config none"),
    ],
)
def test_hostile_archives(tmp_path: Path, members: dict[str, bytes], words: str) -> None:
    with pytest.raises(BuildError, match=words) as caught:
        Image.from_archive(pack(tmp_path / "x.tar", members))
    assert len(str(caught.value)) < 1000


def test_links_that_go_in_circles(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        for name, target in (("manifest.json", "other.json"), ("other.json", "manifest.json")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    with pytest.raises(BuildError):
        Image.from_archive(path)


def test_damaged_files(small: Image, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    small.write_archive(path)
    good = path.read_bytes()
    packed = gzip.compress(good)
    pieces = [good[:size] for size in (0, 1, 511, 600, 3000, len(good) // 2)]
    pieces += [packed[:size] for size in (10, 300, len(packed) // 2)]
    pieces += [os.urandom(5000), b"\x28\xb5\x2f\xfd" + bytes(2000), b"\x1f\x8b" + bytes(3000)]
    for data in pieces:
        forget()
        path.write_bytes(data)
        with pytest.raises(MLRunLikeError) as caught:
            Image.from_archive(path)
        assert not isinstance(caught.value, NotFoundError)
    with pytest.raises(NotFoundError, match="does not exist"):
        Image.open(tmp_path / "missing.tar")


def test_several_images_in_one_layout(small: Image, tmp_path: Path) -> None:
    small.write_archive(tmp_path / "a.tar", "one:1")
    other = small.with_config(user="x")
    other.write_archive(tmp_path / "b.tar", "two:1")
    first, second = contents(tmp_path / "a.tar"), contents(tmp_path / "b.tar")
    index = json.loads(first["index.json"])
    index["manifests"] += json.loads(second["index.json"])["manifests"]
    both = {**first, **second, "index.json": json.dumps(index).encode()}
    path = pack(tmp_path / "both.tar", both)
    assert Image.from_archive(path, "one:1").digest == small.digest
    assert Image.from_archive(path, "two:1").digest == other.digest
    with pytest.raises(BuildError, match=r"one:1(.|\n)*two:1"):
        Image.from_archive(path)


def test_an_archive_that_cannot_be_written(small: Image, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BuildError, match="cannot be written"):
        small.write_archive(tmp_path / "file" / "a.tar")
    BlobCache().path(small.layers[0].digest).unlink()
    with pytest.raises(BuildError, match="not in the cache any more"):
        small.write_archive(tmp_path / "a.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.slow
def test_killed_while_an_archive_is_written(home: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from mlrun_like.images.layers import *\n"
        "from mlrun_like.images.image import Image\n"
        "layer = build_layer([Entry.data('/x', bytes(50_000_000))], level=0)\n"
        "print('go', flush=True)\n"
        "Image.scratch().with_layers(layer).write_archive(sys.argv[1])"
    )
    path = tmp_path / "a.tar"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    with child.stdout as output:
        output.readline()
        end = time.monotonic() + 20
        while time.monotonic() < end and not any(map(os.path.getsize, tmp_path.iterdir())):
            time.sleep(0.001)
        child.kill()
    child.wait(10)
    assert not path.exists()
