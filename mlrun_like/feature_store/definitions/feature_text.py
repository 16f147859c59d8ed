"""A feature as users write it: `[<project>/]<set>[:<tag>].<feature or *>[ as <alias>]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from mlrun_like.errors import InvalidArgumentError

__all__ = ["FeatureText", "parse_feature"]

_FORM = "in the form feature-set.feature[ as alias]"
_AS = re.compile(r"\s+as\s+")
_SET = re.compile(r"(?P<name>[^/:@\s]+)(?::(?P<tag>[^/:@\s]+))?(?:@(?P<uid>[^/:@\s]+))?\Z")


class FeatureText(NamedTuple):
    """The parts of a feature's text; empty where they are not given."""

    project: str
    feature_set: str
    tag: str
    feature: str
    alias: str
    uid: str = ""

    @property
    def key(self) -> str:
        """The feature set as it is written: what joins and relations call it."""
        project = f"{self.project}/" if self.project else ""
        return f"{project}{self.feature_set}{f':{self.tag}' if self.tag else ''}" + (
            f"@{self.uid}" if self.uid else ""
        )

    @property
    def column(self) -> str:
        """Its name in the vector."""
        return self.alias or self.feature


def parse_feature(text: str) -> FeatureText:
    """Take a feature's text apart.

    >>> text = parse_feature("fraud/quotes:v1.bid as offer")
    >>> text.project, text.feature_set, text.tag, text.feature, text.alias
    ('fraud', 'quotes', 'v1', 'bid', 'offer')
    >>> parse_feature("qwen2-0.5b.*").feature_set
    'qwen2-0.5b'

    Raises:
        InvalidArgumentError: if it has another form.
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(f"feature {text!r:.80} must be a text {_FORM}")
    source, *aliases = _AS.split(text.strip())
    if len(aliases) > 1 or (aliases and not aliases[0]):
        raise InvalidArgumentError(f"feature {text!r:.80} must be {_FORM}")
    if "." not in source:
        raise InvalidArgumentError(f"feature {text!r:.80} must be {_FORM}")
    # names of sets may hold dots, features do not: the last one parts them
    owner, _, feature = (part.strip() for part in source.rpartition("."))
    project, slash, name = owner.rpartition("/")
    if "/" in project:
        raise InvalidArgumentError(
            f"feature {text!r:.80} must be {_FORM}, cannot have more than one '/'"
        )
    match = _SET.match(name.strip())
    if match is None or not feature or (slash and not project.strip()):
        raise InvalidArgumentError(f"feature {text!r:.80} must be {_FORM}")
    alias = aliases[0].strip() if aliases else ""
    return FeatureText(
        project.strip(), match["name"], match["tag"] or "", feature, alias, match["uid"] or ""
    )
