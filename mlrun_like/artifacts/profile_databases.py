"""Datastore profiles of databases: Redis, PostgreSQL, TDengine."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from mlrun_like.artifacts.profiles import DatastoreProfile

__all__ = ["DatastoreProfilePostgreSQL", "DatastoreProfileRedis", "DatastoreProfileTDEngine"]


class DatastoreProfileRedis(DatastoreProfile):
    """A Redis server, for online targets."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("username", "password")
    type: str = "redis"
    endpoint_url: str
    username: str | None = None
    password: str | None = None

    def url(self, subpath: str) -> str:
        return self.endpoint_url + subpath

    def url_with_credentials(self) -> str:
        """The server's URL with user name and password.

        >>> made = DatastoreProfileRedis(
        ...     name="r", endpoint_url="redis://host:6379", username="me", password="a@b"
        ... )
        >>> made.url_with_credentials()
        'redis://me:a%40b@host:6379'
        """
        parts = urlsplit(self.endpoint_url)
        user = quote(self.username or "", safe="")
        if user and self.password:
            user = f"{user}:{quote(self.password, safe='')}"
        host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
        return parts._replace(netloc=f"{user}@{host}" if user else host).geturl()

    def secrets(self) -> dict[str, Any]:
        found = {"REDIS_USER": self.username, "REDIS_PASSWORD": self.password}
        return {name: value for name, value in found.items() if value}


class DatastoreProfilePostgreSQL(DatastoreProfile):
    """A PostgreSQL database."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("password",)
    type: str = "postgresql"
    user: str
    password: str | None = None
    host: str
    port: int
    database: str = "postgres"

    def dsn(self, database: str | None = None) -> str:
        """Its address with user name and password.

        Args:
            database: Another database of the server.

        >>> made = DatastoreProfilePostgreSQL(name="p", user="u", password="p/w", host="h", port=1)
        >>> made.dsn("d")
        'postgresql://u:p%2Fw@h:1/d'
        """
        user, password = quote(self.user, safe=""), quote(self.password or "", safe="")
        name = quote(database or self.database, safe="")
        return f"{self.type}://{user}:{password}@{self.host}:{self.port}/{name}"

    def admin_dsn(self) -> str:
        """The address of the database that every server has."""
        return self.dsn("postgres")

    @classmethod
    def from_dsn(cls, dsn: str, profile_name: str) -> DatastoreProfilePostgreSQL:
        """The profile of an address."""
        parts = urlsplit(dsn)
        return cls(
            name=profile_name,
            user=unquote(parts.username or ""),
            password=unquote(parts.password) if parts.password else None,
            host=parts.hostname or "",
            port=parts.port or 0,
            database=unquote(parts.path.lstrip("/")) or "postgres",
        )


class DatastoreProfileTDEngine(DatastoreProfile):
    """A TDengine database."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("password",)
    type: str = "taosws"
    user: str
    password: str | None = None
    host: str
    port: int

    def dsn(self) -> str:
        """Its address with user name and password."""
        return f"{self.type}://{self.user}:{self.password}@{self.host}:{self.port}"

    @classmethod
    def from_dsn(cls, dsn: str, profile_name: str) -> DatastoreProfileTDEngine:
        """The profile of an address."""
        parts = urlsplit(dsn)
        return cls(
            name=profile_name,
            user=parts.username or "",
            password=parts.password,
            host=parts.hostname or "",
            port=parts.port or 0,
        )
