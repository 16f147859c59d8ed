"""S3Store: a bucket through boto3, for programs that use `store.s3` or replace parts of it."""

from __future__ import annotations

from typing import Any

from mlrun_like.artifacts.aws_roles import assume_role, has_default_credentials
from mlrun_like.artifacts.credentials import credential
from mlrun_like.artifacts.stores import FileStats, scheme_of
from mlrun_like.compat.adapted.datastore.stores import DataStore
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = ["S3Store"]


class S3Store(DataStore):
    """A bucket.

    Keys are, in this order, those of a role (`MLRUN_AWS_ROLE_ARN`), of a profile (`AWS_PROFILE`),
    `AWS_ACCESS_KEY_ID` with its secret, and what AWS' own search finds. Where there are none at
    all, requests are not signed, as public buckets want it.

    Args:
        parent: The manager.
        schema: The scheme of its URLs.
        name: Its name.
        endpoint: The bucket.
        secrets: Looked into first for credentials.
    """

    using_bucket = True

    def __init__(
        self,
        parent: Any,
        schema: str,
        name: str,
        endpoint: str = "",
        secrets: dict[str, str] | None = None,
    ) -> None:
        super().__init__(parent, name, schema, endpoint, secrets)
        self.headers: dict[str, str] | None = None
        boto3 = require("boto3", feature="S3Store")
        place = {"endpoint_url": self._get_secret_or_env("AWS_ENDPOINT_URL_S3")}
        given = self._keys()
        names = {
            "aws_access_key_id": given.get("key"),
            "aws_secret_access_key": given.get("secret"),
            "aws_session_token": given.get("token"),
        }
        if not given.get("token") and (profile := self._get_secret_or_env("AWS_PROFILE")):
            self.s3 = boto3.session.Session(profile_name=profile).resource("s3", **place)
            return
        self.s3 = boto3.resource("s3", **place, **{key: val for key, val in names.items() if val})
        if given or self._get_secret_or_env("S3_NON_ANONYMOUS"):
            return
        if self._get_secret_or_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            return
        if not self._has_default_credentials():
            unsigned = require("botocore.handlers", feature="S3Store").disable_signing
            self.s3.meta.client.meta.events.register("choose-signer.s3.*", unsigned)

    def _get_secret_or_env(self, key: str, default: str | None = None) -> str | None:
        parent = getattr(self._parent, "_secrets", None) or {}
        return credential(key, {**parent, **self._secrets}) or default

    @staticmethod
    def _has_default_credentials() -> bool:
        return has_default_credentials()

    def _keys(self) -> dict[str, str]:
        """Key, secret and token that were given, or that a role lends."""
        key = self._get_secret_or_env("AWS_ACCESS_KEY_ID")
        secret = self._get_secret_or_env("AWS_SECRET_ACCESS_KEY")
        if role := self._get_secret_or_env("MLRUN_AWS_ROLE_ARN"):
            return assume_role(role, key, secret)
        return {name: value for name, value in (("key", key), ("secret", secret)) if value}

    @staticmethod
    def get_range(size: int | None, offset: int) -> str:
        """The header for a part of a file.

        >>> S3Store.get_range(10, 5), S3Store.get_range(None, 5)
        ('bytes=5-14', 'bytes=5-')
        """
        return f"bytes={offset}-{offset + size - 1 if size else ''}"

    def get_bucket_and_key(self, key: str) -> tuple[str, str]:
        """The bucket, and the key in it."""
        if scheme_of(key):
            key = key.partition("://")[2].partition("/")[2]
        return self.endpoint, key.lstrip("/")

    def get_storage_options(self) -> dict[str, Any]:
        """The options of fsspec's file system."""
        keys = self._keys()
        signed = self._get_secret_or_env("S3_NON_ANONYMOUS") or self._get_secret_or_env(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
        )
        found: dict[str, Any] = {
            "anon": not (signed or (keys.get("key") and keys.get("secret"))),
            **{name: keys[name] for name in ("key", "secret", "token") if name in keys},
            "use_listings_cache": False,
        }
        if url := self._get_secret_or_env("AWS_ENDPOINT_URL_S3"):
            found["client_kwargs"] = {"endpoint_url": url}
        if profile := self._get_secret_or_env("AWS_PROFILE"):
            found |= {"profile": profile, "anon": False}
        return found

    @property
    def filesystem(self) -> Any:
        """fsspec's file system."""
        return require("s3fs", extra="s3", feature="S3Store").S3FileSystem(
            **self.get_storage_options()
        )

    @property
    def spark_url(self) -> str:
        """The bucket for Spark."""
        return f"s3a://{self.endpoint}"

    def get_spark_options(self, path: str | None = None) -> dict[str, str]:
        """Settings of a Spark session for its bucket, or that of a path."""
        bucket = ""
        if path:
            place = path.partition("://")[2] if scheme_of(path) else path.lstrip("/")
            bucket = f".bucket.{place.partition('/')[0]}"
        options = self.get_storage_options()
        values = {
            "access.key": options.get("key"),
            "secret.key": options.get("secret"),
            "endpoint": options.get("client_kwargs", {}).get("endpoint_url"),
            "aws.profile": options.get("profile"),
        }
        return {
            f"spark.hadoop.fs.s3a{bucket}.{name}": value for name, value in values.items() if value
        }

    def get(self, key: str, size: int | None = None, offset: int = 0) -> bytes:
        """The bytes.

        Raises:
            FileNotFoundError: if there is no such key.
        """
        bucket, name = self.get_bucket_and_key(key)
        options = {"Range": self.get_range(size, offset)} if size or offset else {}
        refusals = require("botocore.exceptions", feature="S3Store").ClientError
        try:
            found: bytes = self.s3.Object(bucket, name).get(**options)["Body"].read()
        except refusals as exc:
            if exc.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise FileNotFoundError(f"s3://{bucket}/{name}") from exc
            raise
        return found

    def put(self, key: str, data: Any, append: bool = False) -> None:
        """Write bytes or text."""
        if append:
            raise InvalidArgumentError("S3 cannot append", fix="put the whole")
        bucket, name = self.get_bucket_and_key(key)
        self.s3.Object(bucket, name).put(Body=data.encode() if isinstance(data, str) else data)

    def stat(self, key: str) -> FileStats:
        """Size and time."""
        found = self.s3.Object(*self.get_bucket_and_key(key))
        return FileStats(found.content_length, found.last_modified)

    def listdir(self, key: str) -> list[str]:
        """Keys below a folder, without its name."""
        bucket, name = self.get_bucket_and_key(key)
        prefix = f"{name.rstrip('/')}/" if name.strip("/") else ""
        objects = self.s3.Bucket(bucket).objects.filter(Prefix=prefix)
        return [found.key.removeprefix(prefix) for found in objects]

    def upload(self, key: str, src_path: str) -> None:
        """Copy a file of this machine to the bucket."""
        bucket, name = self.get_bucket_and_key(key)
        self.s3.Bucket(bucket).upload_file(src_path, name)
