"""The kinds of datastore profiles that hold files, tables or settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import field_validator

from mlrun_like.artifacts.profile_databases import (
    DatastoreProfilePostgreSQL,
    DatastoreProfileRedis,
    DatastoreProfileTDEngine,
)
from mlrun_like.artifacts.profile_models import HuggingFaceProfile, OpenAIProfile
from mlrun_like.artifacts.profile_streams import (
    DatastoreProfileKafkaSource,
    DatastoreProfileKafkaStream,
    DatastoreProfileKafkaTarget,
    DatastoreProfileRabbitMQ,
)
from mlrun_like.artifacts.profiles import DatastoreProfile

__all__ = [
    "PROFILE_KINDS",
    "ConfigProfile",
    "DatastoreProfileAzureBlob",
    "DatastoreProfileBasic",
    "DatastoreProfileDBFS",
    "DatastoreProfileGCS",
    "DatastoreProfileHdfs",
    "DatastoreProfileS3",
    "DatastoreProfileV3io",
]


def _named(profile: DatastoreProfile, names: Mapping[str, str]) -> dict[str, Any]:
    """The values that are set, by other names."""
    found = {name: getattr(profile, field) for field, name in names.items()}
    return {name: value for name, value in found.items() if value}


class DatastoreProfileBasic(DatastoreProfile):
    """A text, and a private one."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("private",)
    type: str = "basic"
    public: str
    private: str | None = None


class ConfigProfile(DatastoreProfile):
    """Settings, and private ones, which are laid over them."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("private",)
    type: str = "config"
    public: dict[str, Any] | None = None
    private: dict[str, Any] | None = None

    def attributes(self) -> dict[str, Any]:
        """Both together.

        >>> made = ConfigProfile(name="c", public={"db": {"host": "h"}}, private={"db": {"pw": 1}})
        >>> made.attributes()
        {'db': {'host': 'h', 'pw': 1}}
        """
        return _merged(self.public or {}, self.private or {})


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(made.get(name), Mapping)
        made[name] = _merged(made[name], value) if both else value
    return made


class DatastoreProfileV3io(DatastoreProfile):
    """Iguazio's platform, or the folder that the setting `v3io_root` names."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("v3io_access_key",)
    type: str = "v3io"
    v3io_access_key: str | None = None

    def url(self, subpath: str) -> str:
        return f"v3io:///{subpath.lstrip('/')}"

    def secrets(self) -> dict[str, Any]:
        return _named(self, {"v3io_access_key": "V3IO_ACCESS_KEY"})


class DatastoreProfileS3(DatastoreProfile):
    """A bucket of S3, or of a store with its API."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("access_key_id", "secret_key")
    type: str = "s3"
    endpoint_url: str | None = None
    force_non_anonymous: str | None = None
    profile_name: str | None = None
    assume_role_arn: str | None = None
    access_key_id: str | None = None
    secret_key: str | None = None
    bucket: str

    def url(self, subpath: str) -> str:
        return f"s3://{self.bucket}{subpath}" if self.bucket else f"s3:/{subpath}"

    def secrets(self) -> dict[str, Any]:
        names = {
            "access_key_id": "AWS_ACCESS_KEY_ID",
            "secret_key": "AWS_SECRET_ACCESS_KEY",
            "endpoint_url": "AWS_ENDPOINT_URL_S3",
            "force_non_anonymous": "S3_NON_ANONYMOUS",
            "profile_name": "AWS_PROFILE",
            "assume_role_arn": "MLRUN_AWS_ROLE_ARN",
        }
        return _named(self, names)


class DatastoreProfileDBFS(DatastoreProfile):
    """Databricks' file system."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("token",)
    type: str = "dbfs"
    endpoint_url: str | None = None
    token: str | None = None

    def url(self, subpath: str) -> str:
        return f"dbfs://{subpath}"

    def secrets(self) -> dict[str, Any]:
        return _named(self, {"token": "DATABRICKS_TOKEN", "endpoint_url": "DATABRICKS_HOST"})


class DatastoreProfileGCS(DatastoreProfile):
    """A bucket of Google Cloud Storage."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("gcp_credentials",)
    type: str = "gcs"
    credentials_path: str | None = None
    gcp_credentials: str | None = None
    bucket: str

    @field_validator("gcp_credentials", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return json.dumps(value) if isinstance(value, dict) else value

    def url(self, subpath: str) -> str:
        return "gcs://" + "/".join(filter(None, (self.bucket, subpath.removeprefix("/"))))

    def secrets(self) -> dict[str, Any]:
        names = {
            "credentials_path": "GOOGLE_APPLICATION_CREDENTIALS",
            "gcp_credentials": "GCP_CREDENTIALS",
        }
        return _named(self, names)


class DatastoreProfileAzureBlob(DatastoreProfile):
    """A container of Azure's blob storage."""

    _private_attributes: ClassVar[tuple[str, ...]] = (
        "connection_string", "account_key", "client_secret", "sas_token", "credential",
    )  # fmt: skip
    type: str = "az"
    connection_string: str | None = None
    account_name: str | None = None
    account_key: str | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    sas_token: str | None = None
    credential: str | None = None
    container: str

    def url(self, subpath: str) -> str:
        return "az://" + "/".join(filter(None, (self.container, subpath.removeprefix("/"))))

    def secrets(self) -> dict[str, Any]:
        hidden = (*self._private_attributes, "account_name", "tenant_id", "client_id")
        return _named(self, {name: name for name in hidden})


class DatastoreProfileHdfs(DatastoreProfile):
    """A Hadoop file system, over WebHDFS."""

    type: str = "hdfs"
    host: str | None = None
    port: int | None = None
    http_port: int | None = None
    user: str | None = None

    def url(self, subpath: str) -> str:
        return f"webhdfs://{self.host}:{self.http_port}{subpath}"

    def secrets(self) -> dict[str, Any]:
        names = {
            "host": "HDFS_HOST",
            "port": "HDFS_PORT",
            "http_port": "HDFS_HTTP_PORT",
            "user": "HDFS_USER",
        }
        return _named(self, names)


PROFILE_KINDS: Mapping[str, type[DatastoreProfile]] = MappingProxyType(
    {
        made.model_fields["type"].default: made
        for made in (
            ConfigProfile,
            DatastoreProfileAzureBlob,
            DatastoreProfileBasic,
            DatastoreProfileDBFS,
            DatastoreProfileGCS,
            DatastoreProfileHdfs,
            DatastoreProfileKafkaSource,
            DatastoreProfileKafkaStream,
            DatastoreProfileKafkaTarget,
            DatastoreProfilePostgreSQL,
            DatastoreProfileRabbitMQ,
            DatastoreProfileRedis,
            DatastoreProfileS3,
            DatastoreProfileTDEngine,
            DatastoreProfileV3io,
            HuggingFaceProfile,
            OpenAIProfile,
        )
    }
)
"""By type: the class."""
