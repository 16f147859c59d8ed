"""The service as a door to files: where artifacts lie, what may be opened, how much is shown."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["ARTIFACTS"]

ARTIFACTS: tuple[Setting, ...] = (
    Setting(
        "service_artifact_root",
        str,
        "",
        "Where service://<project>/<path> lies for the service: a folder or any URL of a file "
        "store; empty: the folder artifacts in home.",
    ),
    Setting(
        "service_artifact_proxy",
        bool,
        True,
        "Whether clients keep artifacts with the service by default, so that they need no "
        "credentials of the file store.",
    ),
    Setting(
        "service_data_urls",
        str,
        "",
        "What the service opens for people besides its own artifacts: URL prefixes divided by "
        "commas, such as s3://data/{project}/; {project} stands for the caller's project.",
    ),
    Setting("service_upload_limit", int, 0, "Most bytes of one uploaded file; 0: no limit."),
    Setting("service_preview_bytes", int, 64 * 2**20, "Most bytes that a preview reads."),
    Setting("service_preview_seconds", float, 10.0, "Most seconds that a preview may take."),
    Setting("service_preview_memory", int, 2048, "Most megabytes of memory for a preview."),
)
