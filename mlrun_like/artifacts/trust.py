"""Which model files may be opened: those whose bytes are the ones that were logged.

Formats that execute code when they are loaded are opened only if the store knows the artifact and
its digest verifies, or if the caller says `trust=True`.
"""

from __future__ import annotations

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.digests import combine
from mlrun_like.artifacts.formats import executes
from mlrun_like.errors import IntegrityError, MLRunLikeError, UntrustedFormatError
from mlrun_like.tracking.base import ArtifactQuery, Store

__all__ = ["check_trusted", "verify"]


def verify(artifact: Artifact, name: str, sha256: str, *, store: Store | None = None) -> bool:
    """Compare a file's digest with the record; False if the record has none.

    Raises:
        IntegrityError: if they differ, naming both.
    """
    files = artifact.status.get("files")
    recorded = artifact.spec.digest
    if isinstance(files, dict) and files:
        if recorded and combine({str(k): str(v) for k, v in files.items()}) != recorded:
            raise IntegrityError(
                f"the record of {artifact.uri} contradicts itself: its list of files does not "
                f"have the digest {recorded}",
                fix="log the model again",
            )
        recorded = str(files.get(name, ""))
    if not recorded:
        return False
    if recorded != sha256:
        raise IntegrityError(
            f"{name!r} of {artifact.uri} is not the file that was logged: "
            f"recorded sha256 {recorded}, found {sha256}",
            where=artifact.target_path + _overwritten_by(artifact, store),
            fix="log it again, or open it anyway with trust=True",
        )
    return True


def _overwritten_by(artifact: Artifact, store: Store | None) -> str:
    """Who logged something to the same place later, as far as the store knows."""
    if store is None:
        return ""
    project = artifact.metadata.project
    try:
        found = store.list_artifacts(ArtifactQuery(project=project, limit=500))
    except MLRunLikeError:
        return ""
    for document in found:
        other = Artifact.from_dict(document)
        same = other.target_path == artifact.target_path
        if same and other.spec.digest != artifact.spec.digest:
            return f" (overwritten by {other.spec.producer.get('uri') or other.uri})"
    return ""


def check_trusted(name: str, artifact: Artifact | None, verified: bool, trust: bool) -> None:
    """Refuse a file that would execute code of unknown origin.

    Raises:
        UntrustedFormatError: unless it is of a registered artifact and verified, or `trust`.
    """
    if trust or not executes(name) or (artifact is not None and verified):
        return
    reason = (
        "it is not an artifact of this store"
        if artifact is None
        else f"{artifact.uri} has no recorded digest"
    )
    raise UntrustedFormatError(
        f"opening {name!r} could execute code that is stored in it, and {reason}",
        fix="if you know where it comes from: load_model(..., trust=True); "
        "else log it with log_model and load its store:// URI",
    )
