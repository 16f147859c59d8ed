"""Who is told what about a run, with MLRun's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["MASK", "SEVERITIES", "WHEN", "Notification", "is_reference", "read_notifications"]

MASK = "***"
"""What is recorded in place of a secret value."""
WHEN = ("completed", "error", "aborted", "running")
SEVERITIES = ("info", "debug", "verbose", "warning", "error")


@dataclass(frozen=True)
class Notification:
    """A message that is sent when a run reaches a state.

    Args:
        kind: `console`, `ipython`, `slack`, `msteams`, `webhook`, `git` or `mail`, or
            an installed one.
        name: Unique among those of a run; by default the kind.
        message: The text, a template: `{{ run.status.results.auc }}`, `{{ run.metadata.name }}`.
        severity: `info`, `debug`, `verbose`, `warning` or `error`.
        when: The states of the run: `completed`, `error`, `aborted`, `running` (at its start).
        condition: Sent only if this is true, such as `{{ run.status.results.auc < 0.9 }}`.
        secret_params: Where it goes, as `params`; the values are never recorded.
        params: Where it goes. A value `{"secret": NAME}` stands for a secret of that name.

    Raises:
        InvalidArgumentError: if one of them cannot be used.

    >>> Notification("slack", when=["error"]).name
    'slack'
    """

    kind: str = "slack"
    name: str = ""
    message: str = ""
    severity: str = "info"
    when: Sequence[str] = ("completed",)
    condition: str = ""
    secret_params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("name", "message", "condition", "severity"):
            put(self, name, getattr(self, name) or ("info" if name == "severity" else ""))
        for name in ("kind", "name", "message", "condition", "severity"):
            if not isinstance(getattr(self, name), str):
                raise InvalidArgumentError(
                    f"{name} {getattr(self, name)!r:.80} of a notification must be a text",
                    fix='Notification("slack", when=["error"])',
                )
        if not self.kind:
            raise InvalidArgumentError(
                "a notification needs a kind", fix='Notification("slack", ...)'
            )
        put(self, "name", self.name or self.kind)
        put(self, "severity", self.severity.lower())
        if self.severity not in SEVERITIES:
            raise InvalidArgumentError(
                f"severity {self.severity!r} is unknown.{nearest(self.severity, SEVERITIES)}",
                where=f"notification {self.name!r}",
                fix=f"use one of: {', '.join(SEVERITIES)}",
            )
        when = (self.when,) if isinstance(self.when, str) else tuple(self.when or ("completed",))
        for state in when:
            if state not in WHEN:
                raise InvalidArgumentError(
                    f"a notification is not sent when {state!r}.{nearest(str(state), WHEN)}",
                    where=f"notification {self.name!r}",
                    fix=f"when= takes: {', '.join(WHEN)}",
                )
        put(self, "when", when)
        for name in ("params", "secret_params"):
            value = getattr(self, name) or {}
            if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                raise InvalidArgumentError(
                    f"{name} of a notification must map names to values, not {value!r:.40}",
                    where=f"notification {self.name!r}",
                )
            put(self, name, dict(value))

    def public(self) -> dict[str, Any]:
        """Plain data as it may be recorded: secret values masked, names of secrets kept.

        >>> Notification("slack", secret_params={"webhook": "https://x/y"}).public()["secret_params"]
        {'webhook': '***'}
        """
        secret = {key: v if is_reference(v) else MASK for key, v in self.secret_params.items()}
        document = {
            "kind": self.kind,
            "name": self.name,
            "message": self.message,
            "severity": self.severity,
            "when": list(self.when),
            "condition": self.condition,
            "params": dict(self.params),
            "secret_params": secret,
        }
        return {key: value for key, value in document.items() if value}

    def to_dict(self) -> dict[str, Any]:
        """Its fields with secret values: to be handed on, not to be recorded; see `public`.

        >>> Notification("slack", secret_params={"webhook": "https://x/y"}).to_dict()
        {'kind': 'slack', 'name': 'slack', 'severity': 'info', 'when': ['completed'], \
'secret_params': {'webhook': 'https://x/y'}}
        """
        return {
            **self.public(),
            **({"secret_params": dict(s)} if (s := self.secret_params) else {}),
        }

    @property
    def has_values(self) -> bool:
        """Whether it holds secret values, which are gone once it was recorded."""
        return any(not is_reference(value) for value in self.secret_params.values())


def is_reference(value: Any) -> bool:
    """Whether a param names a secret instead of holding it."""
    return isinstance(value, Mapping) and set(value) == {"secret"}


def read_notifications(value: Any) -> list[Notification]:
    """Notifications as users write them: objects or their fields as plain data.

    Raises:
        InvalidArgumentError: if one cannot be read, or two have the same name.
    """
    if value is None:
        return []
    if isinstance(value, (Notification, Mapping)):
        value = [value]
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise InvalidArgumentError(
            f"notifications must be a list, not {value!r:.80}",
            fix='notifications=[Notification("slack", when=["error"])]',
        )
    found = [_read(item) for item in value]
    names = [item.name for item in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgumentError(
                f"two notifications are named {name!r}", fix="give each a name of its own: name="
            )
    return found


def _read(item: Any) -> Notification:
    if isinstance(item, Notification):
        return item
    if not isinstance(item, Mapping):
        raise InvalidArgumentError(
            f"{item!r:.80} is not a notification", fix='Notification("slack", when=["error"])'
        )
    known = [each.name for each in fields(Notification)]
    given = {k: v for k, v in item.items() if k not in ("status", "sent_time", "reason")}
    for name in given:
        if name not in known:
            raise InvalidArgumentError(
                f"a notification has no option {name!r}.{nearest(str(name), known)}",
                fix=f"options: {', '.join(known)}",
            )
    return Notification(**{"kind": "", **given})
