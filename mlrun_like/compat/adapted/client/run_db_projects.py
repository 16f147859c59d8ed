"""Projects, their secrets, datastore profiles and API gateways under MLRun's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import (
    labels_of,
    merge,
    plain,
    project_of,
    text_of,
)
from mlrun_like.errors import AccessDeniedError, ConflictError
from mlrun_like.registry import resolve
from mlrun_like.tracking.clients import get_active_client
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.meant import using_store

__all__ = ["ProjectCalls"]

_PROFILE = "mlrun_like.artifacts.profiles:DatastoreProfile"
_READ_RECORD = "mlrun_like.compat.adapted.datastore.profile_texts:read_record"
_SUMMARY = "mlrun_like.compat.adapted.client.run_db_summary:project_summary"
_SCHEMAS = "mlrun_like.compat.adapted.common.schemas:"


class ProjectCalls:
    """What `RunDB` does with projects and what belongs to them."""

    store: FullStore

    def list_projects(
        self, owner: str | None = None, format_: Any = "name_only", labels: Any = None,
        state: Any = None,
    ) -> list[Any]:  # fmt: skip
        """Projects: their names, or with `format_="full"` the projects themselves.

        Args:
            owner: Only those of this owner.
            format_: `name_only`, or `full`.
            labels: A mapping, or texts `name` and `name=value`.
            state: Only those with this `status.state`; a project without one is `online`.
        """
        wanted, state = labels_of(labels), text_of(state)
        found = []
        for item in self.store.list_projects():
            meta, spec = item.get("metadata") or {}, item.get("spec") or {}
            own = meta.get("labels") or {}
            fits = all(key in own and value in (None, own[key]) for key, value in wanted.items())
            now = (item.get("status") or {}).get("state") or "online"
            if fits and owner in (None, "", spec.get("owner")) and state in ("", now):
                found.append(item)
        if text_of(format_) == "name_only":
            return [str(item["metadata"]["name"]) for item in found]
        return [_project(item) for item in found]

    def get_project(self, name: str) -> Any:
        """A project.

        Raises:
            NotFoundError: if there is none.
        """
        return _project(dict(self.store.read_project(name)))

    def store_project(self, name: str, project: Any) -> Any:
        """Record a project."""
        document = plain(project)
        document["metadata"] = {**(document.get("metadata") or {}), "name": name}
        self.store.store_project(document)
        return _project(document)

    def create_project(self, project: Any) -> Any:
        """Record a new project.

        Raises:
            ConflictError: if there is one of that name.
        """
        document = plain(project)
        name = document["metadata"]["name"]
        if self.store.list_projects(name):
            raise ConflictError(f"there is a project {name!r} already", fix="store_project(...)")
        return self.store_project(name, document)

    def patch_project(self, name: str, project: Mapping[str, Any], patch_mode: Any = None) -> Any:
        """Change parts of a project."""
        document = dict(self.store.read_project(name))
        merge(document, project, additive=text_of(patch_mode) == "additive")
        return self.store_project(name, document)

    def delete_project(self, name: str, deletion_strategy: Any = "restrict") -> None:
        """Delete a project, with all of its records if the strategy is `cascade`."""
        strategy = {"restricted": "restrict", "cascading": "cascade"}.get(
            text_of(deletion_strategy), text_of(deletion_strategy)
        )
        delete = resolve("mlrun_like.projects.deleting:delete_project")
        delete(name, strategy or "restrict", missing_ok=True, store=self.store)

    # secrets

    def create_project_secrets(
        self, project: str, provider: Any = "", secrets: Mapping[str, str] | None = None
    ) -> None:
        """Add secrets to a project."""
        with using_store(self.store):
            _secrets(provider).write(project, dict(secrets or {}))

    def delete_project_secrets(
        self, project: str, provider: Any = "", secrets: Sequence[str] | None = None
    ) -> None:
        """Remove secrets of a project; by default all."""
        with using_store(self.store):
            kept = _secrets(provider)
            names = list(kept.read(project)) if secrets is None else secrets
            kept.write(project, dict.fromkeys(names))

    def list_project_secret_keys(
        self, project: str, provider: Any = "", token: str | None = None
    ) -> Any:
        """The names of a project's secrets."""
        del token
        data = resolve("mlrun_like.compat.adapted.common.schemas:SecretKeysData")
        with using_store(self.store):
            names = sorted(_secrets(provider).read(project))
        return data(provider="kubernetes", secret_keys=names)

    def list_project_secrets(
        self, project: str, token: str | None = None, provider: Any = "kubernetes",
        secrets: Sequence[str] | None = None,
    ) -> Any:  # fmt: skip
        """Values are not shown, as with MLRun's usual provider; a project's code reads them.

        Raises:
            AccessDeniedError: always.
        """
        del token, provider, secrets
        raise AccessDeniedError(
            f"the values of the secrets of project {project!r} are not listed",
            fix="list_project_secret_keys(...); project.get_secret(key) in the project's own code",
        )

    # datastore profiles

    def store_datastore_profile(self, profile: Any, project: str = "") -> None:
        """Keep a profile, or another one in its place.

        Args:
            profile: A profile, or MLRun's record of one. Keys and passwords that the record does
                not have are those that the project's secret of the profile has already.
            project: The project; by default the default project.
        """
        place = self._profiles(project)
        with using_store(self.store):
            if not hasattr(profile, "to_text"):
                key = resolve(_PROFILE).generate_secret_key(profile.name.lower(), place.name)
                held = _secrets("").read(place.name).get(key, "")
                profile = resolve(_READ_RECORD)(profile, held)
            place.register_datastore_profile(profile)

    def get_datastore_profile(self, name: str, project: str = "") -> Any:
        """A profile, without keys and passwords; None: there is none."""
        read = resolve("mlrun_like.projects.profiles:read_profile")
        with using_store(self.store):
            return read(project_of(project), name, private=False)

    def list_datastore_profiles(self, project: str = "") -> list[Any]:
        """A project's profiles, without keys and passwords."""
        with using_store(self.store):
            return list(self._profiles(project).list_datastore_profiles())

    def delete_datastore_profile(self, name: str, project: str = "") -> None:
        """Forget a profile; one that is not there is fine."""
        with using_store(self.store):
            self._profiles(project).delete_datastore_profile(name)

    def get_project_summary(self, project: str | None = None) -> Any:
        """How many records of each kind a project has."""
        place = project_of(project)
        with using_store(self.store):
            return resolve(_SUMMARY)(self.store, place)

    @staticmethod
    def _profiles(project: str) -> Any:
        document = {"kind": "project", "metadata": {"name": project_of(project)}}
        return _project(document)

    # API gateways

    def store_api_gateway(self, api_gateway: Any, project: str | None = None) -> Any:
        """Store an API gateway, or another one in its place."""
        place = self._open_to_user(project)
        return _gateway(_gateways().store_api_gateway(api_gateway, place))

    def list_api_gateways(self, project: str | None = None) -> Any:
        """All of a project, as `api_gateways`: by name."""
        found = _gateways().list_api_gateways(self._open_to_user(project))
        kept = {name: _gateway(row) for name, row in found.items()}
        return resolve(f"{_SCHEMAS}APIGatewaysOutput")(api_gateways=kept)

    def get_api_gateway(self, name: str, project: str | None = None) -> Any:
        """One of them.

        Raises:
            NotFoundError: if there is none.
        """
        return _gateway(_gateways().get_api_gateway(name, self._open_to_user(project)))

    def delete_api_gateway(self, name: str, project: str | None = None) -> None:
        """Delete one."""
        _gateways().delete_api_gateway(name, self._open_to_user(project))

    def _open_to_user(self, project: str | None) -> str:
        """A project's name; in a client's session only of one that its user can read."""
        place = project_of(project)
        if get_active_client() is not None:  # the gateway of a machine does not know its users
            self.store.read_project(place)
        return place


def _gateways() -> Any:
    return resolve("mlrun_like.gateway.entrances.keeping:kept_records")()


def _gateway(record: Mapping[str, Any]) -> Any:
    return resolve(f"{_SCHEMAS}APIGateway")(**record)


def _project(document: Mapping[str, Any]) -> Any:
    return resolve("mlrun_like.projects.project:MlrunProject").from_dict(dict(document))


def _secrets(provider: Any) -> Any:
    return resolve("mlrun_like.projects.secrets:provider_of")(text_of(provider))
