"""A step that takes personal data out of events: by the names of fields, whole values and texts."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.validation import personal_checks as checks
from mlrun_like.monitoring.validation.personal_kinds import KINDS, check_kinds, mask
from mlrun_like.monitoring.validation.personal_names import words_of

__all__ = ["MODES", "PIIRedaction"]

MODES = ("mask", "replace", "number", "hash", "remove", "refuse", "report")
_DEPTH = 200
_SHORT = 60  # a longer text is no single value
_LONG_NUMBER = 10**8
# Within texts; besides what the platform's own table of kinds looks for there.
_MORE = (
    ("ip", r"(?<![\w.:])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])", checks.is_ip),
    ("phone", r"(?<![\w+])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}\b",
     checks.is_phone),
    ("uk_nino", r"\b[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b", checks.is_nino),
    ("it_fiscal_code", r"\b[A-Z]{6}[0-9A-Z]{10}\b", checks.is_fiscal_code),
    ("secret", r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{36,80}|xox[abprs]-[\w-]{10,80}|sk-[\w-]{20,80}"
     r"|eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,2000})", None),
)  # fmt: skip
_KNOWN = (*KINDS, "secret")


class PIIRedaction:
    """Gives a copy of the body without personal data; the event that came stays as it is.

    Found are e-mail addresses, telephone numbers, payment cards, bank accounts, national ids, IP
    addresses and secrets (access keys, tokens), where a number has check digits only if they are
    right; and whatever stands in a field whose name says it is personal (`phone`, `birthDate`).
    Names of people in the middle of texts are not found.

    Args:
        kinds: Which: names such as `email`, or groups: `contact`, `financial`, `national_id`.
        mode: `mask` (`a**@e******.org`), `replace` (`<EMAIL>`), `number` (`<EMAIL_1>`, the same
            value the same number within an event), `hash` (`<EMAIL:6fb8...>`, the same value the
            same text for ever), `remove`, `refuse` (the event fails), `report` (it stays).
        fields: Dotted paths of the parts to look at; empty: all of the body.
        exclude: Dotted paths that are left as they are; `*` stands for any one name or number.
        patterns: Kinds of your own: regular expressions by name.
        by_name: Whether names of fields say what is personal.
        report_path: Dotted path where counts by kind are put; empty: nowhere.
        context: The graph's; `hash` takes its key from the secret `PII_KEY`.
        name: The step's name, for messages.

    Raises:
        InvalidArgumentError: if an argument cannot be used, or `hash` has no key.

    >>> PIIRedaction(mode="replace").do({"note": "write to ann@example.org"})
    {'note': 'write to <EMAIL>'}
    """

    def __init__(  # noqa: PLR0913 - the arguments of a step stand side by side in graphs
        self,
        kinds: Sequence[str] | str = "all",
        mode: str = "mask",
        fields: Sequence[str] | str = (),
        exclude: Sequence[str] | str = (),
        patterns: Mapping[str, str] | None = None,
        by_name: bool = True,
        report_path: str = "",
        context: Any = None,
        name: str = "",
    ) -> None:
        self.name = name or type(self).__name__
        where = f"step {self.name!r}"
        if mode not in MODES:
            raise InvalidArgumentError(
                f"there is no mode {mode!r}", where=where, fix=f"one of: {', '.join(MODES)}"
            )
        given = [kinds] if isinstance(kinds, str) else list(kinds)
        self.kinds = set(check_kinds([one for one in given if one != "secret"], where))
        self.kinds |= {"secret"} & {*given} or ({"secret"} if "all" in given else set())
        self.mode, self.report_path = mode, report_path
        self.fields, self.exclude = _paths(fields), _paths(exclude)
        self._own = {key: _compiled(key, text, where) for key, text in (patterns or {}).items()}
        chosen = [one for one in KINDS.values() if one.name in self.kinds]
        self._whole = [(one.name, re.compile(one.shape), one.check) for one in chosen if one.shape]
        self._named = [(one.name, re.compile(one.column)) for one in chosen if one.column]
        self._named = self._named if by_name else []
        inside = [(one.name, one.inside, one.check) for one in chosen if one.inside]
        inside += [one for one in _MORE if one[0] in self.kinds]
        self._inside = [(kind, re.compile(text), check) for kind, text, check in inside]
        self._key = b""
        if mode == "hash":
            secret = context.get_secret("PII_KEY") if context is not None else None
            if not secret:
                raise InvalidArgumentError(
                    "mode 'hash' needs a key: without one, whoever guesses a value can check it",
                    where=where,
                    fix="give the function the secret PII_KEY, or set that environment variable",
                )
            self._key = str(secret).encode()

    def do(self, body: Any) -> Any:
        """The body without personal data.

        Raises:
            InvalidArgumentError: if mode is `refuse` and there is some; the message has no values.
        """
        work = _Work(self)
        made = work.value(body, (), "", not self.fields)
        if work.counts and self.mode == "refuse":
            found = ", ".join(f"{count} {kind}" for kind, count in sorted(work.counts.items()))
            raise InvalidArgumentError(
                f"the event holds personal data: {found}",
                where=f"step {self.name!r}",
                fix="send it without",
            )
        return _put(made, self.report_path, dict(work.counts), self.name)

    def kind_of_field(self, name: Any) -> str:
        """The kind that a field's name means; empty: none."""
        if not isinstance(name, str):
            return ""
        words = words_of(name)
        return next((kind for kind, column in self._named if column.search(words)), "")

    def kind_of_value(self, text: str) -> str:
        """The kind of personal data that a whole value is; empty: none."""
        if not 2 < len(text) <= _SHORT:
            return ""
        for kind, shape, check in self._whole:
            if shape.fullmatch(text) and (check is None or check(text)):
                return kind
        return ""

    def places(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where personal data is in a text: start, end, kind; longer ones first where they meet."""
        found = [
            (match.start(), match.end(), kind)
            for kind, pattern in self._own.items()
            for match in pattern.finditer(text)
            if match.end() > match.start()
        ]
        for kind, pattern, check in self._inside:
            for match in pattern.finditer(text):
                if check is None or check(match[0]):
                    found.append((match.start(), match.end(), kind))
        end = 0
        for start, stop, kind in sorted(found, key=lambda one: (one[0], -one[1])):
            if start >= end:
                yield start, stop, kind
                end = stop

    def shown(self, text: str, kind: str, numbers: dict[tuple[str, str], int]) -> str:
        """What stands for a value."""
        if self.mode == "mask":
            return mask(text, kind)
        if self.mode == "remove":
            return ""
        sign = kind.upper()
        if self.mode == "number":
            of_kind = sum(1 for one in numbers if one[0] == kind)
            return f"<{sign}_{numbers.setdefault((kind, text), of_kind + 1)}>"
        if self.mode == "hash":
            plain = text.strip().lower().encode()
            return f"<{sign}:{hmac.new(self._key, plain, hashlib.sha256).hexdigest()[:16]}>"
        return f"<{sign}>"


class _Work:
    """One event on its way: what was found in it, and which numbers were given."""

    def __init__(self, step: PIIRedaction) -> None:
        self.step = step
        self.counts: dict[str, int] = {}
        self.numbers: dict[tuple[str, str], int] = {}

    def value(self, value: Any, path: tuple[str, ...], kind: str, is_wanted: bool) -> Any:
        """The value without personal data; `kind` is what its field's name says it is."""
        step = self.step
        if len(path) > _DEPTH:
            raise InvalidArgumentError(
                f"the event is nested more than {_DEPTH} deep", where=f"step {step.name!r}"
            )
        if any(_meets(one, path) for one in step.exclude):
            return value
        is_wanted = is_wanted or any(_meets(one, path) for one in step.fields)
        if isinstance(value, Mapping):
            return {
                self._text(key, "") if is_wanted and isinstance(key, str) else key: self.value(
                    item, (*path, str(key)), kind or step.kind_of_field(key), is_wanted
                )
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            made = (self.value(v, (*path, str(i)), kind, is_wanted) for i, v in enumerate(value))
            return list(made)
        return self._leaf(value, kind) if is_wanted else value

    def _leaf(self, value: Any, kind: str) -> Any:
        if isinstance(value, str):
            return self._text(value, kind)
        if isinstance(value, (bytes, bytearray)):
            try:
                return self._text(value.decode(), kind).encode()
            except UnicodeDecodeError:
                return value  # a picture or the like
        if value is None or isinstance(value, bool):
            return value
        if not kind and isinstance(value, int) and abs(value) >= _LONG_NUMBER:
            kind = self.step.kind_of_value(str(value))
        return self._found(str(value), kind, value) if kind else value

    def _text(self, text: str, kind: str) -> str:
        kind = kind if kind and text.strip() else self.step.kind_of_value(text.strip())
        if kind:
            return str(self._found(text, kind, text))
        parts, end = [], 0
        for start, stop, found in self.step.places(text):
            parts += [text[end:start], self._found(text[start:stop], found, text[start:stop])]
            end = stop
        return "".join([*parts, text[end:]]) if parts else text

    def _found(self, text: str, kind: str, value: Any) -> Any:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.step.mode in ("report", "refuse"):
            return value
        return self.step.shown(text, kind, self.numbers)


def _paths(given: Iterable[str] | str) -> list[tuple[str, ...]]:
    return [tuple(one.split(".")) for one in ([given] if isinstance(given, str) else given) if one]


def _meets(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(pattern) == len(path) and all(
        a in ("*", b) for a, b in zip(pattern, path, strict=True)
    )


def _compiled(kind: str, text: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, TypeError) as exc:
        raise InvalidArgumentError(
            f"the pattern of {kind!r} is no regular expression: {exc}", where=where
        ) from exc


def _put(body: Any, path: str, value: Any, name: str) -> Any:
    if not path:
        return body
    at = body
    *way, last = path.split(".")
    for part in way:
        at = at.setdefault(part, {}) if isinstance(at, dict) else at
    if not isinstance(at, dict):
        raise InvalidArgumentError(
            f"there is no place for a report at {path!r}: it is a {type(at).__name__}",
            where=f"step {name!r}",
        )
    at[last] = value
    return body
