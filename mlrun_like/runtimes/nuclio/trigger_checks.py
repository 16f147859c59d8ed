"""What is wrong with a trigger: every mistake at once, before Nuclio starts to build."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import nearest
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.nuclio.trigger_kinds import (
    ALIASES,
    COMMON,
    KINDS,
    OTHER_KINDS,
    TriggerKind,
)

__all__ = ["check_trigger", "check_triggers", "is_duration"]

_DURATION = re.compile(r"\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_GROUP = re.compile(r"(?!_)[a-zA-Z0-9_]{1,256}")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*?/,\-LW#]+")
_EVERY = re.compile(r"@(?:yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)")


def is_duration(value: object) -> bool:
    """Whether a value is a time as Go writes it: a number with a unit.

    >>> is_duration("1m30s"), is_duration(30), is_duration("half an hour")
    (True, False, False)
    """
    return isinstance(value, str) and _DURATION.fullmatch(value) is not None


def check_triggers(triggers: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with all triggers of a function."""
    for name, spec in triggers.items():
        yield from check_trigger(name, spec)
    kinds = {n: s.get("kind") for n, s in triggers.items() if isinstance(s, Mapping)}
    many = [name for name, kind in kinds.items() if kind == "http"]
    if len(many) > 1:
        yield Finding(
            "trigger",
            f"there are {len(many)} http triggers: {', '.join(many)}",
            "spec.triggers",
            "a function has one; give fn.with_http(trigger_name=...) the name of the other one",
        )


def check_trigger(name: str, spec: Any) -> Iterator[Finding]:
    """What is wrong with one trigger.

    >>> [str(found).split("\\n")[0] for found in check_trigger("t", {"kind": "cron"})]
    ["a cron trigger needs attribute 'schedule' or 'interval'"]
    """
    where = f"trigger {name!r}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield _wrong(
            f"{name!r:.80} is no name for a trigger", where, "letters, digits, '.', '_' and '-'"
        )
    if not isinstance(spec, Mapping):
        fix = "give a mapping, or an object such as CronTrigger(interval='10s')"
        yield _wrong(f"a trigger is a mapping, not {spec!r:.80}", where, fix)
        return
    kind = spec.get("kind")
    known = KINDS.get(kind) if isinstance(kind, str) else None
    if known is None and kind not in OTHER_KINDS:
        names = [*KINDS, *ALIASES, *OTHER_KINDS]
        yield _wrong(
            f"there is no kind of trigger {kind!r:.60}.{nearest(str(kind), names)}",
            where,
            f"kinds: {', '.join(KINDS)}",
        )
    yield from _check_forms(spec, COMMON, where, "")
    yield from _check_workers(spec, where)
    attributes = spec.get("attributes", {})
    if known is None or not isinstance(attributes, Mapping):
        return
    yield from _check_forms(attributes, known.attributes, where, "attribute ")
    yield from _check_needed(str(kind), known, spec, attributes, where)
    yield from _check_acks(str(kind), known, spec, attributes, where)
    yield from _check_batch(str(kind), spec.get("batch"), where)
    special = _SPECIAL.get(str(kind))
    if special is not None:
        yield from special(attributes, where)


def _wrong(what: str, where: str, fix: str) -> Finding:
    return Finding("trigger", what, where, fix)


def _check_forms(
    values: Mapping[str, Any], forms: Mapping[str, str], where: str, noun: str
) -> Iterator[Finding]:
    for key, value in values.items():
        form = forms.get(key)
        if form is None:
            hint = nearest(str(key), forms)
            if hint or not noun:
                yield _wrong(
                    f"{noun}{key!r:.60} is unknown.{hint}", where, f"known: {', '.join(forms)}"
                )
        elif not _fits(value, form):
            yield _wrong(
                f"{noun}{key!r} must be {_SHOWN.get(form, form.replace('|', ' or '))}, "
                f"not {value!r:.80}",
                where,
                "",
            )


def _fits(value: Any, form: str) -> bool:
    if form == "any":
        return True
    if form == "text":
        return isinstance(value, str)
    if form == "whole":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if form == "yes/no":
        return isinstance(value, bool)
    if form == "mapping":
        return isinstance(value, Mapping)
    if form in ("texts", "mappings"):
        inner: tuple[type, ...] = (Mapping,) if form == "mappings" else (str, int)
        return isinstance(value, (list, tuple)) and all(isinstance(v, inner) for v in value)
    if form == "duration":
        return is_duration(value)
    return value in form.split("|")


_SHOWN = {
    "text": "text",
    "whole": "a whole number from 0",
    "yes/no": "true or false",
    "texts": "a list of texts",
    "mapping": "a mapping",
    "mappings": "a list of mappings",
    "duration": "a time with its unit such as '30s', '500ms' or '1h'",
}


def _check_workers(spec: Mapping[str, Any], where: str) -> Iterator[Finding]:
    for key in ("numWorkers", "maxWorkers"):
        number = spec.get(key)
        if isinstance(number, int) and not isinstance(number, bool) and number > 100_000:
            yield _wrong(f"{key} is {number}", where, "Nuclio takes at most 100000 workers")


def _check_needed(
    kind: str, known: TriggerKind, spec: Mapping[str, Any], given: Mapping[str, Any], where: str
) -> Iterator[Finding]:
    for name in known.required:
        if given.get(name) in (None, "", [], (), {}):
            yield _wrong(
                f"a {kind} trigger needs attribute {name!r}", where, f'attributes["{name}"] = ...'
            )
    if known.needs_url and not spec.get("url"):
        yield _wrong(f"a {kind} trigger needs 'url'", where, _URLS.get(kind, "give its address"))


_URLS = {
    "nats": 'url="nats://host:4222"',
    "rabbit-mq": 'url="amqp://user:password@host:5672"',
    "mqtt": 'url="tcp://host:1883"',
    "v3ioStream": 'url="http://v3io-webapi:8081"',
}


def _check_acks(
    kind: str, known: TriggerKind, spec: Mapping[str, Any], given: Mapping[str, Any], where: str
) -> Iterator[Finding]:
    mode = spec.get("explicitAckMode", "disable")
    if mode == "disable":
        return
    if not known.explicit_ack:
        yield _wrong(
            f"explicitAckMode={mode!r} is for kafka-cluster and v3ioStream, not for {kind}",
            where,
            "leave it out",
        )
    elif given.get("workerAllocationMode", "pool") == "pool":
        yield _wrong(
            f"explicitAckMode={mode!r} needs workerAllocationMode 'static': an event must be "
            "acknowledged by the worker that has it",
            where,
            'attributes["workerAllocationMode"] = "static"',
        )


def _check_batch(kind: str, batch: Any, where: str) -> Iterator[Finding]:
    if batch is None or not isinstance(batch, Mapping):
        return
    forms = {"mode": "enable|disable", "batchSize": "whole", "timeout": "duration"}
    yield from _check_forms(batch, forms, f"{where}, batch", "")
    if batch.get("mode") != "enable":
        return
    if kind != "http":
        yield _wrong(
            f"Nuclio collects batches for http triggers, not for {kind}", where, "leave batch out"
        )
    if batch.get("batchSize", 10) == 0:
        yield _wrong("batchSize must be 1 or more, not 0", f"{where}, batch", '"batchSize": 10')


def _check_http(given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    port = given.get("port", 0)
    if isinstance(port, int) and port > 65535:
        yield _wrong(f"port {port} does not exist", where, "0 to 65535; 0: Nuclio chooses")
    ingresses = given.get("ingresses", {})
    for name, ingress in ingresses.items() if isinstance(ingresses, Mapping) else ():
        place = f"{where}, ingress {name!r}"
        if not isinstance(ingress, Mapping) or not (
            ingress.get("host") or ingress.get("hostTemplate")
        ):
            yield _wrong("an ingress needs 'host' or 'hostTemplate'", place, '"host": "a.org"')
            continue
        paths = ingress.get("paths", ["/"])
        if not isinstance(paths, list) or not all(str(path).startswith("/") for path in paths):
            yield _wrong(f"paths must be a list of /…, not {paths!r:.80}", place, '["/"]')


def _check_cron(given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    schedule, interval = given.get("schedule"), given.get("interval")
    if schedule and interval:
        what = "a cron trigger has 'schedule' and 'interval'"
        yield _wrong(what, where, "give one of them")
    elif not schedule and not interval:
        what = "a cron trigger needs attribute 'schedule' or 'interval'"
        yield _wrong(what, where, 'schedule="0 9 * * *" or interval="10s"')
    if isinstance(schedule, str) and schedule and not _EVERY.fullmatch(schedule.strip()):
        fields = schedule.split()
        if len(fields) not in (5, 6) or not all(map(_CRON_FIELD.fullmatch, fields)):
            yield _wrong(
                f"{schedule!r:.80} is no cron schedule",
                where,
                'five fields such as "0 9 * * 1-5", six with seconds first, or "@hourly"',
            )


def _check_rabbit(given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    if not given.get("queueName") and not given.get("topics"):
        yield _wrong(
            "a rabbit-mq trigger needs attribute 'queueName' or 'topics'",
            where,
            'attributes["queueName"] = "jobs"',
        )


def _check_mqtt(given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    rows = given.get("subscriptions") or ()
    if not isinstance(rows, (list, tuple)):
        yield _wrong(
            f"attribute 'subscriptions' is a list, not {rows!r:.80}",
            where,
            'attributes["subscriptions"] = [{"topic": "rooms/#", "qos": 1}]',
        )
        return
    for row in rows:
        if isinstance(row, Mapping) and not (row.get("topic") and row.get("qos", 0) in (0, 1, 2)):
            yield _wrong(
                f"subscription {dict(row)!r:.80} needs a topic and a qos of 0, 1 or 2",
                where,
                '{"topic": "house/+/temperature", "qos": 0}',
            )


def _check_v3io(given: Mapping[str, Any], where: str) -> Iterator[Finding]:
    group = given.get("consumerGroup")
    if isinstance(group, str) and not _GROUP.fullmatch(group):
        yield _wrong(
            f"{group!r:.80} is no name for a consumer group",
            where,
            "1 to 256 letters, digits and '_', not starting with '_'",
        )


_SPECIAL = {
    "http": _check_http,
    "cron": _check_cron,
    "rabbit-mq": _check_rabbit,
    "mqtt": _check_mqtt,
    "v3ioStream": _check_v3io,
}
