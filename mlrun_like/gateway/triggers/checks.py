"""What is wrong with triggers: every mistake at once, before anything is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from mlrun_like import registry
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, nearest
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.triggers.config import LOCAL_ALIASES
from mlrun_like.gateway.triggers.running import SOURCES
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.nuclio.trigger_checks import check_trigger, is_duration
from mlrun_like.schedules.cron import check_cron
from mlrun_like.streams.opening import without_password

__all__ = ["check_triggers"]

_ELSEWHERE = {
    "v3ioStream": "needs the Iguazio platform, or the setting v3io_root in its place",
    "kinesis": "is not read by this gateway; deploy to Nuclio, or bring the records to Kafka",
    "eventhub": "speaks Kafka's protocol: use a kafka-cluster trigger with its connection string",
}
_FORMS: Mapping[str, Mapping[str, str]] = {
    "redis": {
        "url": "text", "streams": "texts", "stream": "text", "consumerGroup": "text",
        "shards": "whole", "lease": "duration", "initialOffset": "earliest|latest",
        "ackWindowSize": "whole", "partitions": "texts", "workerAllocationMode": "pool|static",
    },
    "files": {
        "url": "text", "glob": "text", "interval": "duration", "settle": "duration",
        "existing": "yes/no", "content": "yes/no",
    },
    "events": {
        "events": "texts", "projects": "texts", "runs": "any", "interval": "duration",
    },
}  # fmt: skip
_COMMON = {
    "retry": "mapping", "deadLetter": "text", "order": "shard|key|none", "path": "text",
}  # fmt: skip
_RETRY = {"attempts": "whole", "delay": "duration", "maxDelay": "duration"}
_SCHEMES = {
    "redis": ("redis", "rediss"),
    "nats": ("nats", "tls"),
    "rabbit-mq": ("amqp", "amqps"),
    "mqtt": ("tcp", "mqtt", "ssl", "tls", "mqtts"),
}
_PACKAGES = {
    "redis": ("redis", "redis"),
    "kafka-cluster": ("confluent_kafka", "kafka"),
    "nats": ("nats", "nats"),
    "rabbit-mq": ("pika", "rabbitmq"),
    "mqtt": ("paho.mqtt.client", "mqtt"),
    "cron": ("cronsim", "schedules"),
}
_SHOWN = {
    "text": "text", "texts": "a list of texts", "whole": "a whole number from 0",
    "yes/no": "true or false", "mapping": "a mapping",
    "duration": "a time with its unit such as '30s'",
}  # fmt: skip


def check_triggers(options: Options | Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the triggers of a function that this gateway shall run.

    Args:
        options: Its options, or its triggers by name in Nuclio's layout.

    >>> [str(item.what) for item in check_triggers({"t": {"kind": "files"}})]
    ["a files trigger needs 'url'"]
    """
    rows = options.triggers if isinstance(options, Options) else options
    found: list[Finding] = []
    for name, spec in rows.items():
        if not (isinstance(spec, Mapping) and spec.get("disabled") is True):
            found += _check(str(name), spec)
    kinds = {name: spec.get("kind") for name, spec in rows.items() if isinstance(spec, Mapping)}
    many = [str(name) for name, kind in kinds.items() if kind == "http"]
    if len(many) > 1:
        what = f"there are {len(many)} http triggers: {', '.join(many)}"
        fix = "a function has one; give fn.with_http(trigger_name=...) the name of the other one"
        found.append(_wrong(what, "spec.triggers", fix))
    return found


def _check(name: str, spec: Any) -> Iterator[Finding]:
    where = f"trigger {name!r}"
    if not isinstance(spec, Mapping):
        yield from check_trigger(name, spec)
        return
    kind = LOCAL_ALIASES.get(str(spec.get("kind")), str(spec.get("kind")))
    if kind in _ELSEWHERE and not (kind == "v3ioStream" and config.v3io_root):
        yield _wrong(f"a {kind} trigger cannot run here", where, f"it {_ELSEWHERE[kind]}")
        return
    if kind != "http" and kind not in SOURCES:
        hint = nearest(kind, [*SOURCES, *LOCAL_ALIASES])
        known = ", ".join(["http", *SOURCES])
        yield _wrong(f"there is no kind of trigger {kind!r:.60}.{hint}", where, f"kinds: {known}")
        return
    attributes = spec.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        yield _wrong(f"attributes must be a mapping, not {attributes!r:.60}", where, "{}")
        return
    if kind == "http":
        yield from check_trigger(name, spec)
        return
    if kind not in _FORMS:
        yield from _as_nuclio(name, kind, spec, attributes)
    else:
        yield from _forms(attributes, {**_FORMS[kind], **_COMMON}, where, strict=True)
    yield from _forms(attributes, _COMMON, where, strict=False)
    yield from _common(kind, spec, attributes, where)
    special = _SPECIAL.get(kind)
    if special is not None:
        yield from special(spec, attributes, where)
    package = _PACKAGES.get(kind)
    if package is not None:
        yield from _installed(kind, *package, where)


def _wrong(what: str, where: str, fix: str) -> Finding:
    return Finding("trigger", what, where, fix)


def _as_nuclio(
    name: str, kind: str, spec: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[Finding]:
    """Nuclio's own rules, without those that its processor has and this gateway does not: batches
    and acknowledgement by handlers are for all kinds here."""
    ours = {key: value for key, value in given.items() if key not in _COMMON}
    plain = {
        key: value for key, value in spec.items() if key not in ("batch", "explicitAckMode")
    }  # checked below
    if kind == "cron":
        ours.pop("timeZone", None)
        ours.pop("catchUp", None)
    if kind == "kafka-cluster" and str(spec.get("url", "")).startswith("kafka://"):
        parts = urlsplit(str(spec["url"]))
        ours = {"brokers": [parts.netloc], "topics": [parts.path.strip("/")], **ours}
    if kind == "kafka-cluster":
        ours.setdefault("consumerGroup", "named after the trigger")
    yield from check_trigger(name, {**plain, "kind": kind, "attributes": ours})


def _forms(
    values: Mapping[str, Any], forms: Mapping[str, str], where: str, *, strict: bool
) -> Iterator[Finding]:
    for key, value in values.items():
        form = forms.get(key)
        if form is None:
            if strict:
                hint = nearest(str(key), forms)
                known = ", ".join(sorted(forms))
                yield _wrong(f"attribute {key!r:.60} is unknown.{hint}", where, f"known: {known}")
        elif not _fits(value, form):
            shown = _SHOWN.get(form, form.replace("|", " or "))
            yield _wrong(f"attribute {key!r} must be {shown}, not {value!r:.80}", where, "")


def _fits(value: Any, form: str) -> bool:
    if form in ("any", "duration"):
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
        return form == "any" or number or is_duration(value)
    if form == "text":
        return isinstance(value, str)
    if form == "texts":
        listed = isinstance(value, (list, tuple))
        return isinstance(value, str) or (
            listed and all(isinstance(item, (str, int)) for item in value)
        )
    if form == "whole":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if form == "yes/no":
        return isinstance(value, bool)
    if form == "mapping":
        return isinstance(value, Mapping)
    return value in form.split("|")


def _common(
    kind: str, spec: Mapping[str, Any], given: Mapping[str, Any], where: str
) -> Iterator[Finding]:
    retry = given.get("retry")
    if isinstance(retry, Mapping):
        yield from _forms(retry, _RETRY, f"{where}, retry", strict=True)
        if retry.get("attempts") == 0:
            yield _wrong("attempts must be 1 or more, not 0", f"{where}, retry", '"attempts": 5')
    batch = spec.get("batch")
    if batch is not None:
        forms = {"mode": "enable|disable", "batchSize": "whole", "timeout": "duration"}
        if isinstance(batch, Mapping):
            yield from _forms(batch, forms, f"{where}, batch", strict=True)
            if batch.get("batchSize") == 0:
                yield _wrong(
                    "batchSize must be 1 or more, not 0", f"{where}, batch", '"batchSize": 10'
                )
        else:
            yield _wrong(f"batch must be a mapping, not {batch!r:.60}", where, "")
    for name in ("numWorkers", "maxWorkers"):
        count = spec.get(name)
        if isinstance(count, int) and count > 1000:
            yield _wrong(f"{name} is {count}", where, "at most 1000 here; batches cost less")
    mode = spec.get("explicitAckMode", "disable")
    if mode not in ("disable", "enable", "explicitOnly"):
        yield _wrong(
            f"explicitAckMode must be enable, disable or explicitOnly, not {mode!r:.60}", where, ""
        )
    elif mode != "disable" and kind not in ("kafka-cluster", "redis", "nats"):
        yield _wrong(
            f"explicitAckMode={mode!r} is for kafka-cluster, redis and nats, not for {kind}: its "
            "events have no offsets",
            where,
            "leave it out",
        )
    letter = given.get("deadLetter")
    if isinstance(letter, str) and "://" in letter:
        scheme = urlsplit(letter).scheme
        if scheme != "file" and scheme not in registry.known("streams"):
            yield _wrong(
                f"deadLetter {without_password(letter)!r}: there are no {scheme} streams",
                where,
                "a URL such as redis://HOST/NAME or file:///FOLDER, or a name beside the source",
            )
    elif letter and kind in ("mqtt", "cron", "files", "events") and not str(letter).startswith("/"):
        yield _wrong(
            f"deadLetter {letter!r:.60} is no URL, and a {kind} trigger has no streams beside it",
            where,
            "a URL such as redis://HOST/NAME or file:///FOLDER",
        )
    schemes = _SCHEMES.get(kind)
    url = str(spec.get("url") or given.get("url") or "")
    if schemes and url and urlsplit(url).scheme not in schemes:
        yield _wrong(
            f"url {without_password(url)!r:.100} does not start with {' or '.join(schemes)}://",
            where,
            f'"url": "{schemes[0]}://HOST"',
        )
    path = given.get("path")
    if isinstance(path, str) and not path.startswith("/"):
        yield _wrong(f"path {path!r:.60} does not start with '/'", where, f'"path": "/{path}"')


def _cron(spec: Mapping[str, Any], given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    del spec
    schedule = given.get("schedule")
    told = isinstance(schedule, str) and len(schedule.split()) not in (5, 6)
    if isinstance(schedule, str) and schedule and not (told and "@" not in schedule):
        try:
            if not schedule.strip().startswith("@every"):
                check_cron(schedule, str(given.get("timeZone") or ""))
        except MLRunLikeError as exc:
            yield _wrong(exc.what, where, exc.fix)
    event = given.get("event")
    if isinstance(event, Mapping) and not isinstance(event.get("headers") or {}, Mapping):
        yield _wrong("the event's headers must be a mapping", where, '{"headers": {"a": "b"}}')


def _redis(spec: Mapping[str, Any], given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    url = str(spec.get("url") or given.get("url") or "")
    if not url:
        yield _wrong("a redis trigger needs 'url'", where, '"url": "redis://HOST:6379/STREAM"')
    elif not urlsplit(url).path.strip("/") and not (given.get("streams") or given.get("stream")):
        yield _wrong(
            f"{without_password(url)!r} names no stream",
            where,
            '"url": "redis://HOST:6379/STREAM", or attributes["streams"]',
        )


def _files(spec: Mapping[str, Any], given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    if not (spec.get("url") or given.get("url")):
        yield _wrong("a files trigger needs 'url'", where, '"url": "s3://bucket/folder"')


def _events(spec: Mapping[str, Any], given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    del spec
    runs = given.get("runs")
    if runs is not None and not isinstance(runs, (bool, Mapping)):
        yield _wrong(
            f"runs must be true, or a mapping with name, states and labels, not {runs!r:.60}",
            where,
            '"runs": {"name": "train", "states": ["completed"]}',
        )
    elif isinstance(runs, Mapping):
        forms = {"name": "text", "states": "texts", "labels": "mapping"}
        yield from _forms(runs, forms, f"{where}, runs", strict=True)


_SPECIAL = {"cron": _cron, "redis": _redis, "files": _files, "events": _events}


def _installed(kind: str, package: str, extra: str, where: str) -> Iterator[Finding]:
    try:
        registry.require(package, feature=f"a {kind} trigger", extra=extra)
    except MLRunLikeError as exc:
        yield Finding("trigger", exc.what, where, exc.fix)
