"""Memory, fsspec, credentials, and what is said about unknown places."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.artifacts.credentials import credential, storage_options
from mlrun_like.artifacts.item import get_dataitem, set_in_memory_item
from mlrun_like.artifacts.stores import SCHEMES, join_url, redact, scheme_of
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
    StoreUnavailableError,
    UnknownNameError,
)


def test_memory() -> None:
    item = get_dataitem("memory:///path/file.txt")
    item.put("test string")
    assert item.stat().size == 11
    item.put(b"!", append=True)
    assert item.get(7, offset=5) == b"string!"
    with item.open("w") as file:
        file.write("new")
    with item.open("ab") as file:
        file.write(b"er")
    assert item.get() == b"newer"
    assert get_dataitem("memory:///path").ls() == ["file.txt"]
    item.delete()
    with pytest.raises(MissingFileError, match=r"item /path/file\.txt not found in memory store"):
        item.stat()
    get_dataitem("memory:///path/to/not_exist.txt").delete()
    with pytest.raises(InvalidArgumentError):
        get_dataitem("memory://")
    with pytest.raises(InvalidArgumentError, match="int"):
        set_in_memory_item("x", 3)
    with pytest.raises(InvalidArgumentError, match="not a folder"):
        get_dataitem(set_in_memory_item("single", "x")).ls()


def test_local_copy_of_a_remote_item() -> None:
    set_in_memory_item("deep/a.csv", "x\n1\n")
    item = get_dataitem("memory://deep/a.csv")
    path = Path(item.local())
    assert path.name == "a.csv" and path.read_text() == "x\n1\n"
    assert item.local() == str(path)
    item.remove_local()
    assert not path.exists()
    with pytest.raises(MissingFileError):
        get_dataitem("memory://deep/none").local()


def test_download_never_leaves_its_folder(tmp_path: Path) -> None:
    set_in_memory_item("evil/../../outside.txt", b"x")
    set_in_memory_item("evil/ok.txt", b"x")
    with pytest.raises(InvalidArgumentError, match="outside"):
        get_dataitem("memory://evil").download(tmp_path / "in" / "side")
    assert not list(tmp_path.rglob("outside.txt"))


def test_unknown_scheme_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="unsupported store scheme 's4'") as caught:
        get_dataitem("s4://bucket/key")
    assert "gs://" in str(caught.value) and "store://" in str(caught.value)
    with pytest.raises(ValueError, match="nope"):
        get_dataitem("nope://x")


@pytest.mark.parametrize(
    ("url", "package", "install"),
    [
        ("s3://bucket/key", "s3fs", "mlrun-like[s3]"),
        ("gs://bucket/key", "gcsfs", "mlrun-like[gcs]"),
        ("az://container/key", "adlfs", "mlrun-like[azure]"),
        ("wasbs://c@account/key", "adlfs", "mlrun-like[azure]"),
        ("v3io:///projects/x", "v3iofs", "pip install v3iofs"),
        ("oss://bucket/key", "ossfs", "pip install ossfs"),
    ],
)
def test_missing_package_says_how_to_get_it(url: str, package: str, install: str) -> None:
    try:
        __import__(package)
    except ImportError:
        with pytest.raises(MissingDependencyError, match=package) as caught:
            get_dataitem(url)
        assert install in caught.value.fix


def test_every_scheme_row_loads() -> None:
    for row in set(SCHEMES.values()):
        module, _, name = row.partition(":")
        assert hasattr(__import__(module, fromlist=[name]), name)


def test_fsspec_file_system(tmp_path: Path) -> None:
    """Through fsspec's own implementations that need no package."""
    item = get_dataitem(f"local://{tmp_path}/deep/er/a.txt")
    assert item.kind == "local"
    item.put("hello")
    assert item.get(3, offset=1) == b"ell"
    item.put("!", append=True)
    assert item.get() == b"hello!"
    assert item.stat().size == 6 and item.stat().modified is not None
    assert get_dataitem(f"local://{tmp_path}/deep").ls() == ["er/"]
    with item.open("w") as file:
        file.write("né")
    with item.open("r") as file:
        assert file.read() == "né"
    get_dataitem(f"local://{tmp_path}/deep").download(tmp_path / "copy")
    assert (tmp_path / "copy" / "er" / "a.txt").read_text(encoding="utf-8") == "né"
    item.delete()
    item.delete()
    with pytest.raises(MissingFileError):
        item.get()
    with pytest.raises((InvalidArgumentError, StoreUnavailableError)):
        get_dataitem(f"local://{tmp_path}").get()


def test_credentials_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "MLRUN_K8S_SECRET__AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert credential("AWS_ACCESS_KEY_ID") is None
    monkeypatch.setenv("MLRUN_K8S_SECRET__AWS_ACCESS_KEY_ID", "project")
    assert credential("AWS_ACCESS_KEY_ID") == "project"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env")
    assert credential("AWS_ACCESS_KEY_ID") == "env"
    assert credential("AWS_ACCESS_KEY_ID", lambda name: None) == "env"
    assert credential("AWS_ACCESS_KEY_ID", {"AWS_ACCESS_KEY_ID": "given"}.get) == "given"
    options = storage_options("s3", {"AWS_SECRET_ACCESS_KEY": "s", "S3_NON_ANONYMOUS": "false"})
    assert options["key"] == "env" and options["secret"] == "s" and options["anon"] is True
    assert storage_options("gs", {"GCP_CREDENTIALS": '{"a": 1}'}) == {"token": {"a": 1}}
    with pytest.raises(InvalidArgumentError) as caught:
        storage_options("gs", {"GCP_CREDENTIALS": "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)
    azure = storage_options("az", {"AZURE_STORAGE_ACCOUNT_NAME": "n", "AZURE_TENANT_ID": "t"})
    assert azure == {"account_name": "n", "tenant_id": "t"}


def test_names() -> None:
    assert scheme_of("a/b://c") == "" and scheme_of("C:/x") == ""
    assert redact("s3://key:secret@bucket/a?x=1") == "s3://bucket/a"
    assert redact("wasbs://container@account/a") == "wasbs://container@account/a"
    assert redact("https://[bad/x?sig=1") == "https://..."
    assert join_url("/", "a", "", "b/") == "/a/b/"
    assert join_url("", "a") == "a"
