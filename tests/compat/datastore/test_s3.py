"""S3Store: keys, roles, parts of files, and what boto3 is asked for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mlrun_like.artifacts.credentials import storage_options
from mlrun_like.errors import InvalidArgumentError

_ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>lent</AccessKeyId>
<SecretAccessKey>lent-secret</SecretAccessKey><SessionToken>lent-token</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""


class _Bucket:
    """Objects of boto3's kind, in memory; remembers what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[dict[str, Any]] = []
        self.events: list[str] = []
        register = SimpleNamespace(register=lambda name, _: self.events.append(name))
        self.meta = SimpleNamespace(client=SimpleNamespace(meta=SimpleNamespace(events=register)))

    def Object(self, bucket: str, key: str) -> Any:
        def get(**options: Any) -> Any:
            self.asked.append(options)
            if key not in self.files:
                broken = import_module("botocore.exceptions").ClientError
                code = "AccessDenied" if key == "closed" else "NoSuchKey"
                raise broken({"Error": {"Code": code}}, "GetObject")
            return {"Body": SimpleNamespace(read=lambda: self.files[key])}

        return SimpleNamespace(get=get, put=lambda Body: self.files.update({key: Body}))


@pytest.fixture
def bucket(compat: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Bucket]:
    found = _Bucket()
    made = ModuleType("boto3")
    made.resource = lambda kind, **options: found.asked.append(options) or found  # type: ignore
    monkeypatch.setitem(sys.modules, "boto3", made)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    yield found


def _store(**secrets: str) -> Any:
    kind = import_module("mlrun.datastore.s3").S3Store
    return kind(None, "s3", "s3://bucket", "bucket", secrets)


_KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}


def test_files_are_put_and_read_in_parts(bucket: _Bucket) -> None:
    store = _store(**_KEYS)
    store.put("/a/b.txt", "text")
    assert bucket.files == {"a/b.txt": b"text"}
    assert store.get("a/b.txt") == b"text"
    store.get("s3://bucket/a/b.txt", size=2, offset=1)
    assert bucket.asked[-2:] == [{}, {"Range": "bytes=1-2"}]
    with pytest.raises(InvalidArgumentError, match="append"):
        store.put("a", b"", append=True)


def test_a_missing_key_is_a_missing_file_and_a_refusal_stays(bucket: _Bucket) -> None:
    store = _store(**_KEYS)
    with pytest.raises(FileNotFoundError, match=r"s3://bucket/no"):
        store.get("no")
    with pytest.raises(Exception, match="AccessDenied"):
        store.get("closed")


def test_without_any_key_requests_are_not_signed(
    bucket: _Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(**_KEYS)
    assert bucket.events == []
    kind = import_module("mlrun.datastore.s3").S3Store
    for known, told in ((True, []), (False, ["choose-signer.s3.*"])):
        monkeypatch.setattr(
            kind, "_has_default_credentials", staticmethod(lambda known=known: known)
        )
        store = _store()
        assert bucket.events == told
    assert store.get_storage_options()["anon"] is True


def test_options_for_fsspec_and_spark(bucket: _Bucket) -> None:
    store = _store(**_KEYS, AWS_ENDPOINT_URL_S3="http://here:9000")
    options = store.get_storage_options()
    assert (options["key"], options["secret"], options["anon"]) == ("k", "s", False)
    assert options["client_kwargs"] == {"endpoint_url": "http://here:9000"}
    assert (
        store.get_spark_options("s3://other/x")["spark.hadoop.fs.s3a.bucket.other.access.key"]
        == "k"
    )
    assert store.spark_url == "s3a://bucket"


@pytest.fixture
def lender(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A service that lends the keys of roles; gives what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            refused = "refused" in asked[-1]
            body = b"<ErrorResponse/>" if refused else _ANSWER.encode()
            self.send_response(403 if refused else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_role_lends_its_keys_once(lender: list[str]) -> None:
    pytest.importorskip("botocore")
    secrets = {**_KEYS, "MLRUN_AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/reader"}
    for _ in range(2):
        found = storage_options("s3", secrets)
        assert (found["key"], found["secret"], found["token"]) == (
            "lent", "lent-secret", "lent-token",
        )  # fmt: skip
    assert len(lender) == 1
    assert "role%2Freader" in lender[0]
    storage_options("s3", {**secrets, "AWS_SECRET_ACCESS_KEY": "another"})
    assert len(lender) == 2, "who knows the name of a key does not get what was lent to it"


def test_a_role_that_is_refused_is_named(lender: list[str]) -> None:
    pytest.importorskip("botocore")
    secrets = {**_KEYS, "MLRUN_AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/refused"}
    with pytest.raises(InvalidArgumentError, match="refused' cannot be assumed"):
        storage_options("s3", secrets)
