"""SnowflakeTarget: a table of Snowflake, which Spark writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.targets.base import BaseStoreTarget

__all__ = ["SnowflakeTarget"]

_NEEDED = ("url", "user", "database", "db_schema", "warehouse", "table")


class SnowflakeTarget(BaseStoreTarget):
    """A table of Snowflake; only Spark writes and reads it, with Snowflake's connector.

    The password comes from `SNOWFLAKE_PASSWORD`.

    Args:
        name: Its name; by default `snowflake`.
        attributes: The following may stand here too.
        after_step: The step whose results are written.
        columns: The columns to write.
        url: The host, `<account>.<region>.snowflakecomputing.com`.
        user: The user.
        db_schema: The schema.
        database: The database.
        warehouse: The warehouse.
        table_name: The table.
        options: Further arguments of all targets.
    """

    kind = "snowflake"
    is_offline = True
    support_spark = True
    support_storey = False
    support_pandas = False

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        attributes: Mapping[str, Any] | None = None,
        after_step: str | None = None,
        columns: Sequence[str] | None = None,
        *,
        url: str | None = None,
        user: str | None = None,
        db_schema: str | None = None,
        database: str | None = None,
        warehouse: str | None = None,
        table_name: str | None = None,
        **options: Any,
    ) -> None:
        given = {
            "url": url, "user": user, "db_schema": db_schema, "database": database,
            "warehouse": warehouse, "table": table_name,
        }  # fmt: skip
        merged = {**dict(attributes or {}), **{k: v for k, v in given.items() if v}}
        super().__init__(name, options.pop("path", None), merged, after_step, columns, **options)

    def get_spark_options(self) -> dict[str, Any]:
        """What `frame.write.options(...)` takes, with `format` and `dbtable`.

        Raises:
            InvalidArgumentError: if something is not given.
        """
        missing = [name for name in _NEEDED if not self.attributes.get(name)]
        if missing:
            raise InvalidArgumentError(
                f"target {self.name!r} lacks {', '.join(missing)}",
                where="target class SnowflakeTarget",
            )
        found = self.attributes
        return {
            "format": "net.snowflake.spark.snowflake",
            "sfURL": found["url"],
            "sfUser": found["user"],
            "sfPassword": environment("SNOWFLAKE_PASSWORD") or "",
            "sfDatabase": found["database"],
            "sfSchema": found["db_schema"],
            "sfWarehouse": found["warehouse"],
            "dbtable": found["table"],
        }

    def get_target_templated_path(self) -> str:
        return f"snowflake://{self.attributes.get('url', '')}#{self.attributes.get('table', '')}"
