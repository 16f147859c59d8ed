"""`SecretsStore` and `get_secret_or_env`: secrets of a run by their names."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, ItemsView, Mapping
from typing import Any

from mlrun_like.configuration import environment, environment_copy
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.secrets import read_env_file

__all__ = ["SecretsStore", "get_secret_or_env", "list2dict"]

_KINDS = ("inline", "file", "env", "kubernetes", "azure_vault", "vault")


class SecretsStore:
    """Secrets gathered from several sources; what a cluster holds is not serialised.

    >>> store = SecretsStore.from_list([{"kind": "inline", "source": {"TOKEN": "x"}}])
    >>> store.get("TOKEN")
    'x'
    """

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._hidden: dict[str, str] = {}
        self._hidden_sources: list[dict[str, Any]] = []

    @classmethod
    def from_list(cls, src_list: list[Mapping[str, Any]] | None) -> SecretsStore:
        """From `{"kind": ..., "source": ..., "prefix": ...}` of each source."""
        store = cls()
        for source in src_list or ():
            store.add_source(source["kind"], source.get("source"), source.get("prefix", ""))
        return store

    def add_source(self, kind: str, source: Any = "", prefix: str = "") -> None:
        """Add secrets.

        Args:
            kind: `inline`: a mapping; `file`: a file of `KEY=value` lines; `env`: names of
                variables with commas; `kubernetes`: a list of names of project secrets.
            source: What the kind says.
            prefix: Put before each name.

        Raises:
            InvalidArgumentError: if the source does not fit the kind.
        """
        if kind == "inline":
            self._secrets.update(_texts(_literal(source, dict, kind), prefix))
        elif kind == "file":
            self._secrets.update(_texts(read_env_file(source), prefix))
        elif kind == "env":
            for name in filter(None, (part.strip() for part in str(source).split(","))):
                value = environment(name)
                if value is not None:
                    self._secrets[prefix + name] = value
        elif kind == "kubernetes":
            for name in _literal(source, list, kind):
                value = environment(self.k8s_env_variable_name_for_secret(name))
                if value:
                    self._hidden[prefix + name] = value
            self._hidden_sources.append({"kind": kind, "source": source})
        else:
            known = "is of a cluster that is not here" if kind in _KINDS else "is unknown"
            raise InvalidArgumentError(
                f"kind {kind!r} of secrets {known}", fix="use inline, file, env or kubernetes"
            )

    def get(self, key: str, default: str | None = None) -> str | None:
        """A secret, or the variable of its name, or the default."""
        found = self._secrets.get(key) or self._hidden.get(key)
        return found or environment(self.k8s_env_variable_name_for_secret(key)) or default

    def items(self) -> ItemsView[str, str]:
        """All names and values."""
        return {**self._secrets, **self._hidden}.items()

    def to_serial(self) -> list[dict[str, Any]]:
        """The sources, for another process; hidden ones by their names only."""
        return [{"kind": "inline", "source": dict(self._secrets)}, *self._hidden_sources]

    def to_dict(self, struct: Any) -> None:
        """Nothing: secrets are in no document."""

    def has_vault_source(self) -> bool:
        """Whether a Vault is among the sources: never, here."""
        return False

    def has_azure_vault_source(self) -> bool:
        """Whether Azure's vault is among the sources: never, here."""
        return False

    def get_k8s_secrets(self) -> dict[str, str] | None:
        """Names of a cluster's secrets, and of the variables they are in."""
        for source in self._hidden_sources:
            names = source["source"]
            return {name: self.k8s_env_variable_name_for_secret(name) for name in names}
        return None

    @staticmethod
    def k8s_env_variable_name_for_secret(secret_name: str) -> str:
        """The variable that a project secret is in."""
        return secret_name


def get_secret_or_env(
    key: str,
    secret_provider: Mapping[str, str] | SecretsStore | Callable[[str], str | None] | None = None,
    default: str | None = None,
    prefix: str | None = None,
) -> str | None:
    """A secret: from the provider, else from the environment, else the default.

    Args:
        key: Its name.
        secret_provider: Asked first: a mapping, a `SecretsStore` or a function of the name.
        default: Given if nobody has it.
        prefix: `<prefix>_<key>` is the name then.

    >>> get_secret_or_env("TOKEN", {"TOKEN": "abc"})
    'abc'
    """
    name = f"{prefix}_{key}" if prefix else key
    found: str | None = None
    if secret_provider:
        has_get = isinstance(secret_provider, (Mapping, SecretsStore))
        found = secret_provider.get(name) if has_get else secret_provider(name)  # type: ignore[operator, union-attr]
    found = found or environment(name) or _in_lists(name)
    found = (
        found
        or environment(f"MLRUN_LIKE_SECRET__{name}")
        or environment(f"MLRUN_K8S_SECRET__{name}")
    )
    return found or default


def list2dict(lines: list[str]) -> dict[str, str]:
    """The values of `KEY=value` lines; others are left out.

    >>> list2dict(["a = 1", "# b=2", "c"])
    {'a': '1'}
    """
    found = {}
    for line in lines:
        name, mark, value = line.partition("=")
        if mark and not line.lstrip().startswith("#"):
            found[name.strip()] = value.strip()
    return found


def _in_lists(name: str) -> str | None:
    """Variables may hold lists of `{"name": ..., "value": ...}`, as a pod's definition has them."""
    for text in environment_copy().values():
        if text.lstrip()[:1] != "[":
            continue
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError):
            continue
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and row.get("name") == name and row.get("value"):
                return str(row["value"])
    return None


def _literal(source: Any, wanted: type, kind: str) -> Any:
    if isinstance(source, str):
        try:
            source = ast.literal_eval(source)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            source = None
    if not isinstance(source, wanted):
        raise InvalidArgumentError(f"secrets of kind {kind!r} must be a {wanted.__name__}")
    return source


def _texts(values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    return {prefix + name: str(value) for name, value in values.items()}
