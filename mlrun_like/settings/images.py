"""Images and registries."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["IMAGES"]

IMAGES: tuple[Setting, ...] = (
    Setting("default_image", str, "python:3.11-slim", "Image of container kinds that name none."),
    Setting(
        "docker_registry",
        str,
        "",
        "Registry of images whose name begins with '.', such as host:5000 or host/team.",
        ("MLRUN_HTTPDB__BUILDER__DOCKER_REGISTRY", "DEFAULT_DOCKER_REGISTRY"),
    ),
    Setting(
        "insecure_registries",
        str,
        "",
        "Registries (host:port, separated by spaces) that are used without TLS or with a "
        "certificate nobody checks; those on this machine always may.",
    ),
    Setting(
        "registry_auth",
        str,
        "",
        "Logins for registries: user:password (of docker_registry) or HOST=user:password, "
        "separated by spaces, or the text of a docker config.json; else docker's and podman's.",
    ),
    Setting("registry_timeout", float, 60.0, "Seconds a registry may take to answer."),
    Setting(
        "image_builder",
        str,
        "auto",
        "What builds images: oci (no daemon), podman, buildah, docker; auto: oci where it can.",
    ),
    Setting(
        "image_resolver",
        str,
        "auto",
        "What chooses packages for images: uv or pip; auto: uv where it is installed.",
    ),
    Setting(
        "function_image_template",
        str,
        "func-{project}-{name}",
        "Name of a function's image that has none, in the default registry.",
        ("MLRUN_HTTPDB__BUILDER__FUNCTION_TARGET_IMAGE_NAME_TEMPLATE",),
    ),
)
