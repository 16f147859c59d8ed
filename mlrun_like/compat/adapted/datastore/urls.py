"""URLs of streams and stores, taken apart."""

from __future__ import annotations

import base64
import inspect
import os
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import ParseResult, parse_qs, urlparse

from mlrun_like.artifacts.data import open_url
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "KafkaParameters",
    "accepts_param",
    "basic_auth_header",
    "get_kafka_brokers_from_dict",
    "parse_kafka_url",
    "parse_s3_bucket_and_key",
    "parse_url",
    "upload_tarball",
]


def parse_url(url: str) -> tuple[str, str | None, ParseResult]:
    """Scheme, host and parts of a URL; hosts keep their case.

    >>> parse_url("S3://Bucket/a.csv")[:2]
    ('s3', 'Bucket')
    """
    if url.startswith("v3io://") and not url.startswith("v3io:///"):
        url = url.replace("v3io://", "v3io:///", 1)
    parts = urlparse(url)
    scheme = parts.scheme.lower()
    if scheme in ("wasb", "wasbs") and "@" in parts.netloc:
        return scheme, parts.netloc, parts
    host = parts.netloc.rpartition("@")[2] or None
    return scheme, host, parts


def parse_kafka_url(url: str, brokers: Sequence[str] | str | None = None) -> tuple[str, list[str]]:
    """Topic and brokers of a Kafka URL.

    >>> parse_kafka_url("kafka://host:9092/events"), parse_kafka_url("kafka://h?topic=t")
    (('events', ['host:9092']), ('t', ['h']))
    """
    known = brokers.split(",") if isinstance(brokers, str) else list(brokers or [])
    parts = urlparse(url)
    topics = parse_qs(parts.query).get("topic")
    topic = topics[0] if topics else parts.path.lstrip("/")
    return topic, [*([parts.netloc] if parts.netloc else []), *known]


def get_kafka_brokers_from_dict(options: dict[str, Any], pop: bool = False) -> Any:
    """The brokers among options.

    Args:
        options: Is changed with `pop`.
        pop: Take them out.
    """
    names = ("kafka_brokers", "kafka_bootstrap_servers")
    found = [options.pop(name, None) if pop else options.get(name) for name in names]
    return next((one for one in found if one), None)


def parse_s3_bucket_and_key(s3_path: str) -> tuple[str, str]:
    """Bucket and key.

    >>> parse_s3_bucket_and_key("s3://bucket/a/b.csv")
    ('bucket', 'a/b.csv')
    """
    if not isinstance(s3_path, str):
        raise InvalidArgumentError("failed to parse s3 bucket and key")
    bucket, _, key = s3_path.removeprefix("s3://").partition("/")
    return bucket, key


def accepts_param(func: Callable[..., Any], param_name: str) -> bool:
    """Whether a function has a parameter of a name.

    >>> accepts_param(parse_url, "url")
    True
    """
    return param_name in inspect.signature(func).parameters


def upload_tarball(source_dir: str, target: str, secrets: Mapping[str, str] | None = None) -> None:
    """Write a folder as a `.tar.gz` to a path or URL."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "source.tar.gz")
        with tarfile.open(file, "w:gz") as made:
            made.add(source_dir, arcname="")
        open_url(target, secrets).upload(file)


def basic_auth_header(user: str, password: str) -> dict[str, str]:
    """The header of a request with a user name and a password.

    >>> basic_auth_header("me", "pw")
    {'Authorization': 'Basic bWU6cHc='}
    """
    coded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {coded}"}


class KafkaParameters:
    """Options of Kafka clients, sorted by what takes them.

    Args:
        kwargs: Options by the names of kafka-python.

    >>> KafkaParameters({"sasl_plain_username": "u", "sasl_plain_password": "p"}).sasl()["user"]
    'u'
    """

    _OWN = (
        "max_workers", "brokers", "topics", "group", "initial_offset", "partitions", "sasl",
        "worker_allocation_mode", "tls_enable", "tls", "new_topic", "nuclio_annotations",
    )  # fmt: skip

    def __init__(self, kwargs: Mapping[str, Any] | None = None) -> None:
        self._kwargs = dict(kwargs or {})

    def _client(self) -> dict[str, Any]:
        found = {name: value for name, value in self._kwargs.items() if name not in self._OWN}
        sasl = self._kwargs.get("sasl")
        if sasl:
            found.update(
                security_protocol=self._kwargs.get("security_protocol", "SASL_PLAINTEXT"),
                sasl_mechanism=sasl["mechanism"],
                sasl_plain_username=sasl["user"],
                sasl_plain_password=sasl["password"],
            )
        return found

    def consumer(self) -> dict[str, Any]:
        """Options of consumers."""
        return self._client()

    def producer(self) -> dict[str, Any]:
        """Options of producers."""
        return self._client()

    def admin(self) -> dict[str, Any]:
        """Options of administrators."""
        return self._client()

    def sasl(self, *, usr: str | None = None, pwd: str | None = None) -> dict[str, Any]:
        """How a trigger logs in; empty: it does not."""
        given = self._kwargs
        user = usr or given.get("sasl_plain_username")
        password = pwd or given.get("sasl_plain_password")
        found = dict(given.get("sasl") or {})
        if user and password:
            found.update(
                enable=True,
                user=user,
                password=password,
                mechanism=given.get("sasl_mechanism", "PLAIN"),
                handshake=given.get("sasl_handshake", True),
            )
        return found

    def tls(self, *, tls_enable: bool | None = None) -> dict[str, Any]:
        """How a trigger encrypts; empty: it does not."""
        found = dict(self._kwargs.get("tls") or {})
        wanted = self._kwargs.get("tls_enable") if tls_enable is None else tls_enable
        return {**found, "enable": wanted} if wanted else found

    def valid_entries_only(self, input_dict: Mapping[str, Any]) -> dict[str, Any]:
        """Entries that have a value."""
        return {name: value for name, value in input_dict.items() if value is not None}
