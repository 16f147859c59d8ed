"""Cron triggers as CronJobs that call the service: one event, however many pods there are.

Form: batch/v1. The event is what Nuclio's cron trigger sends: `event.body` and `event.headers`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.gateway.manifests.form import Service
from mlrun_like.gateway.manifests.hiding import hide_options
from mlrun_like.gateway.manifests.scalers import kind_of
from mlrun_like.gateway.manifests.workload import metadata
from mlrun_like.gateway.reading.option_values import seconds
from mlrun_like.runtimes.kubernetes.names import object_name
from mlrun_like.runtimes.kubernetes.pod import Extras, pod_spec, security_of

__all__ = ["cron_jobs", "cron_of"]

_LONGEST = 52  # the controller adds 11 characters to the name of each job
_SEND = (
    "import json, sys, urllib.request; a = json.loads(sys.argv[1]); "
    'r = urllib.request.Request(a["url"], data=a["body"].encode(), method="POST", '
    'headers=a["headers"]); print(urllib.request.urlopen(r, timeout=a["timeout"]).status)'
)


def cron_of(attributes: Mapping[str, Any]) -> str:
    """A schedule in five fields; empty: it cannot be written so.

    >>> cron_of({"schedule": "0 9 * * *"}), cron_of({"interval": "15m"}), cron_of({"interval": 10})
    ('0 9 * * *', '*/15 * * * *', '')
    """
    schedule = str(attributes.get("schedule") or "").strip()
    if schedule:
        parts = schedule.split()
        if len(parts) == 6 and parts[0] == "0":  # Nuclio also takes seconds before the minutes
            return " ".join(parts[1:])
        return schedule if len(parts) == 5 or schedule.startswith("@") else ""
    try:
        every = seconds(attributes.get("interval") or 0)
    except ValueError:
        return ""
    for unit, most, form in ((60, 60, "*/{} * * * *"), (3600, 24, "0 */{} * * *")):
        count = every / unit
        if every and count == int(count) and count < most and most % int(count) == 0:
            return form.format(int(count)) if count > 1 or unit == 3600 else "* * * * *"
    return "0 0 * * *" if every == 86400 else ""


def cron_jobs(service: Service, held: bool) -> list[dict[str, Any]]:
    """The CronJobs.

    Args:
        service: What is deployed.
        held: Whether KEDA's interceptor stands before it.
    """
    found = []
    triggers = hide_options(service.options, {}).get("triggers") or {}
    for name, trigger in sorted(triggers.items()):
        if kind_of(trigger) != "cron" or trigger.get("disabled"):
            continue
        attributes = trigger.get("attributes") or {}
        schedule = cron_of(attributes)
        if service.form.canary:
            service.note(f"trigger {name!r} stays with the stable version")
        elif not schedule:
            told = attributes.get("schedule") or attributes.get("interval")
            service.note(f"trigger {name!r} ({told}) has no place: a CronJob counts in minutes, "
                         "and only in parts of an hour or a day")  # fmt: skip
        else:
            found.append(_cron_job(service, name, attributes, schedule, held))
    return found


def _cron_job(
    service: Service, name: str, attributes: Mapping[str, Any], schedule: str, held: bool
) -> dict[str, Any]:
    event = attributes.get("event") or {}
    body = event.get("body") or ""
    headers = {str(key): str(value) for key, value in (event.get("headers") or {}).items()}
    headers["x-mlrun-like-trigger"] = name
    place = f"{service.name}:{service.outside}"
    if held:
        headers["Host"] = (service.options.hosts or (service.stable,))[0]
        place = f"{service.name}-held:8080"
    if service.options.auth and not any(key.lower() == "authorization" for key in headers):
        service.note(f"trigger {name!r} calls a function that asks callers who they are: give its "
                     "event an Authorization header")  # fmt: skip
    path = service.options.paths[0] if held and service.options.paths else "/"
    told = {
        "url": f"http://{place}{path}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "headers": headers,
        "timeout": service.options.queue_timeout + service.options.request_timeout,
    }
    plain = service.document.model_copy(deep=True)
    plain.spec.env, plain.spec.volumes, plain.spec.volume_mounts = [], [], []
    small = {"requests": {"cpu": "10m", "memory": "32Mi"}}
    extras = Extras(resources=small, container="send", restart="Never")
    pod = pod_spec(plain, None, ["python3", "-c", _SEND], [json.dumps(told, sort_keys=True)],
                   extras)  # fmt: skip
    _, own = security_of(service.document)
    if own:
        pod["containers"][0]["securityContext"] = {**own, "readOnlyRootFilesystem": True}
    pod["automountServiceAccountToken"] = False
    policy = str(attributes.get("concurrencyPolicy") or "Forbid")
    limit = attributes.get("jobBackoffLimit")
    zone = re.match(r"(?:CRON_)?TZ=(\S+)\s+(.*)", schedule)
    labels = {key: value for key, value in service.labels.items() if key not in service.selector}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(service, object_name(service.name, _short(name), longest=_LONGEST)),
        "spec": {
            "schedule": zone[2] if zone else schedule,
            **({"timeZone": zone[1]} if zone else {}),
            "concurrencyPolicy": policy,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": labels},
                "spec": {
                    "backoffLimit": 2 if limit is None else int(limit),
                    "template": {"metadata": {"labels": labels}, "spec": pod},
                },
            },
        },
    }


def _short(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:20].strip("-") or "cron"
