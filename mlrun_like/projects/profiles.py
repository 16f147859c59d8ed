"""The datastore profiles of a project: kept as secrets, for keys and passwords are part of them."""

from __future__ import annotations

from mlrun_like.artifacts.profiles import DatastoreProfile, profile_from_text
from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, nearest
from mlrun_like.projects.current import get_current_project
from mlrun_like.projects.functions import ProjectFunctions
from mlrun_like.projects.secrets import provider_of
from mlrun_like.runs.context import current_context

__all__ = ["ProjectProfiles", "current_name", "read_profile"]


class ProjectProfiles(ProjectFunctions):
    """The part of a project that knows data stores by name."""

    def register_datastore_profile(self, profile: DatastoreProfile) -> None:
        """Keep a profile; `ds://<its name>/<path>` then is a path of what it describes.

        Args:
            profile: Replaces one of the same name.
        """
        name = DatastoreProfile.generate_secret_key(profile.name, self.name)
        provider_of().write(self.name, {name: profile.to_text()})

    def list_datastore_profiles(self) -> list[DatastoreProfile]:
        """The profiles, without keys and passwords."""
        start = DatastoreProfile.generate_secret_key("", self.name)
        secrets = provider_of().read(self.name)
        names = sorted(name for name in secrets if name.startswith(start))
        return [profile_from_text(secrets[name], private=False) for name in names]

    def get_datastore_profile(self, profile: str) -> DatastoreProfile:
        """One profile, without keys and passwords.

        Raises:
            NotFoundError: if there is none of that name.
        """
        found = read_profile(self.name, profile, private=False)
        if found is None:
            known = [one.name for one in self.list_datastore_profiles()]
            raise NotFoundError(
                f"project {self.name!r} has no datastore profile {profile!r:.80}."
                f"{nearest(profile, known)}",
                fix="project.register_datastore_profile(...)",
            )
        return found

    def delete_datastore_profile(self, profile: str) -> None:
        """Forget a profile; one that is not there is fine."""
        name = DatastoreProfile.generate_secret_key(profile.lower(), self.name)
        provider_of().write(self.name, {name: None})


def read_profile(project: str, name: str, *, private: bool = True) -> DatastoreProfile | None:
    """A project's profile; None: it has none of that name.

    Args:
        project: The project's name.
        name: The profile's name.
        private: With keys and passwords.
    """
    key = DatastoreProfile.generate_secret_key(name.lower(), project)
    text = provider_of().read(project).get(key)
    return profile_from_text(text, private=private) if text else None


def current_name() -> str:
    """The name of the run's project, else of the current project, else of the default one."""
    context = current_context()
    if context is not None and context.project:
        return context.project
    current = get_current_project(silent=True)
    return current.name if current is not None else config.default_project
