"""Data stores by name: `ds://<profile>/<path>` is a path of what a profile describes.

A project keeps its profiles (`project.register_datastore_profile`); what a profile has of keys and
passwords is a secret of the project. One for this process alone is registered here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import ValidationError, field_validator

from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError, nearest
from mlrun_like.registry import resolve
from mlrun_like.specs.model import Model

__all__ = [
    "DatastoreProfile",
    "TemporaryClientDatastoreProfiles",
    "datastore_profile_read",
    "forget_profiles",
    "profile_from_text",
    "register_temporary_client_datastore_profile",
    "remove_temporary_client_datastore_profile",
    "resolve_profile",
]

_KINDS = "mlrun_like.artifacts.profile_kinds:PROFILE_KINDS"
_OF_PROJECT = "mlrun_like.projects.profiles:read_profile"
_CURRENT = "mlrun_like.projects.profiles:current_name"


class DatastoreProfile(Model):
    """A place that holds data, and what is needed to reach it; the base of all kinds.

    Args:
        name: Its name, in lower case.
        type: Its kind.
    """

    _private_attributes: ClassVar[tuple[str, ...]] = ()
    type: str
    name: str

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as exc:
            # values are not shown: they may be passwords
            found = (f"{'.'.join(map(str, one['loc']))} {one['msg']}" for one in exc.errors())
            raise SpecError("; ".join(found).strip(), where=type(self).__name__) from None

    @field_validator("name")
    @classmethod
    def _lower(cls, name: str) -> str:
        return name.lower()

    @staticmethod
    def generate_secret_key(profile_name: str, project: str) -> str:
        """The name of the project's secret that holds what is private.

        >>> DatastoreProfile.generate_secret_key("lake", "demo")
        'datastore-profiles.demo.lake'
        """
        return f"datastore-profiles.{project}.{profile_name}"

    def secrets(self) -> dict[str, Any]:
        """Credentials by the names that stores look for."""
        return {}

    def url(self, subpath: str) -> str:
        """The URL of a path.

        Raises:
            InvalidArgumentError: if it has no files.
        """
        raise InvalidArgumentError(
            f"datastore profile {self.name!r} of type {self.type!r} has no files"
        )

    def shown(self) -> dict[str, Any]:
        """What may be shown."""
        return {k: v for k, v in self.model_dump().items() if k not in self._private_attributes}

    def to_text(self) -> str:
        """Everything as text, with what is private."""
        return json.dumps({k: v for k, v in self.model_dump().items() if v is not None})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"

    __str__ = __repr__


def profile_from_text(text: str, *, private: bool = True) -> DatastoreProfile:
    """The profile of its text.

    Args:
        text: What `to_text` gave.
        private: With keys and passwords.

    Raises:
        SpecError: if it is damaged, or of a kind that is not known.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as exc:
        raise SpecError("a datastore profile is damaged (its text is not shown)") from exc
    kinds: Mapping[str, type[DatastoreProfile]] = resolve(_KINDS)
    kind = str(found.get("type") or "") if isinstance(found, dict) else ""
    if kind not in kinds:
        raise SpecError(
            f"Datastore profile failed to create from json due to unexpected type {kind!r:.60}."
            f"{nearest(kind, kinds)}"
        )
    made = kinds[kind]
    hidden = () if private else made._private_attributes
    return made(**{name: value for name, value in found.items() if name not in hidden})


class TemporaryClientDatastoreProfiles:
    """The profiles of this process; every object of this class is the same registry."""

    _data: ClassVar[dict[str, DatastoreProfile]] = {}

    def add(self, profile: DatastoreProfile) -> None:
        """Know a profile."""
        self._data[profile.name] = profile

    def get(self, key: str) -> DatastoreProfile | None:
        """The profile of a name, None: it is not known."""
        return self._data.get(key)

    def remove(self, key: str) -> None:
        """Forget a profile, if it is known."""
        self._data.pop(key, None)


def register_temporary_client_datastore_profile(profile: DatastoreProfile) -> None:
    """Let this process use a profile that no project has.

    >>> from mlrun_like.artifacts.profile_kinds import DatastoreProfileS3
    >>> register_temporary_client_datastore_profile(DatastoreProfileS3(name="lake", bucket="b"))
    >>> datastore_profile_read("ds://lake/x.csv").url("/x.csv")
    's3://b/x.csv'
    >>> remove_temporary_client_datastore_profile("lake")
    """
    TemporaryClientDatastoreProfiles().add(profile)


def remove_temporary_client_datastore_profile(profile_name: str) -> None:
    """Forget such a profile."""
    TemporaryClientDatastoreProfiles().remove(profile_name)


def forget_profiles() -> None:
    """Forget all of them."""
    TemporaryClientDatastoreProfiles._data.clear()


def datastore_profile_read(
    url: str, project_name: str = "", secrets: Mapping[str, str] | None = None
) -> DatastoreProfile:
    """The profile of a `ds://` URL: of this process, else of the project.

    Args:
        url: `ds://<profile>[/<path>]`.
        project_name: The project; empty: the current one.
        secrets: Looked into first for the project's secret.

    Raises:
        InvalidArgumentError: if it is another URL.
        NotFoundError: if there is no such profile.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() != "ds" or not parts.hostname:
        raise InvalidArgumentError(
            f"resource URL {url!r:.200} cannot be read as a datastore profile because its scheme "
            "is not 'ds'",
            fix="ds://<profile>/<path>",
        )
    name = parts.hostname
    found = TemporaryClientDatastoreProfiles().get(name)
    if found is None:
        project = project_name or resolve(_CURRENT)()
        text = (secrets or {}).get(DatastoreProfile.generate_secret_key(name, project))
        found = profile_from_text(text) if text else resolve(_OF_PROJECT)(project, name)
    if found is None:
        raise NotFoundError(
            f"there is no datastore profile {name!r}",
            where=f"{url:.200}",
            fix="project.register_datastore_profile(...), or for this process alone "
            "register_temporary_client_datastore_profile(...)",
        )
    return found


def resolve_profile(url: str, secrets: Any = None) -> tuple[str, Any]:
    """The URL that a `ds://` URL stands for, and where its store looks for credentials first."""
    given = secrets if isinstance(secrets, Mapping) else None
    profile = datastore_profile_read(url, secrets=given)
    target = profile.url(urlsplit(url).path)
    scheme = urlsplit(target).scheme.lower()
    # a profile names another machine's data, not files here; a class of the user's own may do so
    own_code = not type(profile).__module__.startswith("mlrun_like.")
    if scheme == "ds" or (scheme in ("", "file", "local") and not own_code):
        raise InvalidArgumentError(
            f"datastore profile {profile.name!r} leads to another profile or to a file",
            fix="give it the address of a server",
        )
    own = profile.secrets()
    if callable(secrets):
        return target, lambda name: own.get(name) or secrets(name)
    return target, {**(secrets or {}), **own}
