"""BigQuerySource and SnowflakeSource: rows of warehouses, through their own clients or Spark."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import orjson
import pandas as pd

from mlrun_like.configuration import environment
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position
from mlrun_like.feature_store.sources.frames import as_frame
from mlrun_like.feature_store.sources.times import as_datetime
from mlrun_like.registry import require

__all__ = ["BigQuerySource", "SnowflakeSource"]


class BigQuerySource(Source):
    """Rows of a BigQuery table or query.

    Credentials are the JSON text in the environment's `GCP_CREDENTIALS`, else Google's defaults.
    A reader that goes on passes over the rows before its position: a query should have an order.

    Args:
        name: Its name.
        table: `project.dataset.table`; not together with `query`.
        max_results_for_table: The most rows of a table.
        query: A SELECT.
        materialization_dataset: Where Spark puts the result of a query.
        chunksize: The most rows of a chunk.
        key_field: The column, or columns, of the entity.
        time_field: The column of the event time; the time range is a condition of the SQL.
        schedule: When to ingest again, as cron.
        start_time: Only rows after this time.
        end_time: Only rows up to this time.
        gcp_project: Google's project.
        spark_options: Further options of Spark's reader.
    """

    kind: ClassVar[str] = "bigquery"

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        table: str | None = None,
        max_results_for_table: int | None = None,
        query: str | None = None,
        materialization_dataset: str | None = None,
        chunksize: int | None = None,
        key_field: str | Sequence[str] | None = None,
        time_field: str | None = None,
        schedule: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
        gcp_project: str | None = None,
        spark_options: dict[str, Any] | None = None,
    ) -> None:
        if bool(query) == bool(table):
            raise InvalidArgumentError(
                "a BigQuerySource needs either table or query",
                fix='BigQuerySource(table="project.dataset.table")',
            )
        if max_results_for_table and chunksize and max_results_for_table % chunksize:
            raise InvalidArgumentError(
                f"max_results_for_table={max_results_for_table} must be a multiple of"
                f" chunksize={chunksize}"
            )
        attributes = {
            "query": query,
            "table": table,
            "max_results": max_results_for_table,
            "chunksize": chunksize,
            "gcp_project": gcp_project,
            "spark_options": spark_options,
            "materialization_dataset": materialization_dataset,
        }
        given = {key: value for key, value in attributes.items() if value is not None}
        super().__init__(name, None, given, key_field, time_field, schedule, start_time, end_time)

    def _credentials(self) -> tuple[dict[str, Any] | None, str | None]:
        text = environment("GCP_CREDENTIALS")
        project = self.attributes.get("gcp_project")
        if not text:
            return None, project
        try:
            found = orjson.loads(text)
            return found, project or found["project_id"]
        except (ValueError, TypeError, KeyError) as exc:
            raise InvalidArgumentError(
                "GCP_CREDENTIALS is not the JSON text of a service account's key"
            ) from exc

    def statement(self) -> str:
        """The SQL that is asked."""
        base = self.attributes.get("query")
        inner = f"({base.strip().rstrip(';')}\n)" if base else f"`{self.attributes['table']}`"
        span = self.time_range
        limits = []
        for micros, mark in ((span.start, ">"), (span.end, "<=")):
            if micros is not None:
                text = as_datetime(micros).isoformat(" ")
                limits.append(f"TIMESTAMP(`{self.time_field}`) {mark} TIMESTAMP '{text}'")
        if limits and not self.time_field:
            raise InvalidArgumentError(
                "start_time and end_time need the column of the event time",
                where=self.describe(),
                fix='time_field="timestamp"',
            )
        if base and not limits:
            return str(base)
        where = f" WHERE {' AND '.join(limits)}" if limits else ""
        most = self.attributes.get("max_results")
        return f"SELECT * FROM {inner}{where}{f' LIMIT {most}' if most else ''}"

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        bigquery: Any = require(
            "google.cloud.bigquery", feature="a BigQuerySource", extra="bigquery"
        )
        info, project = self._credentials()
        if info:
            account: Any = require(
                "google.oauth2.service_account", feature="a BigQuerySource", extra="bigquery"
            )
            credentials = account.Credentials.from_service_account_info(info)
            client = bigquery.Client(project=project, credentials=credentials)
        else:
            client = bigquery.Client(project=project)
        size = min(size, int(self.attributes.get("chunksize") or size))
        skip = int(position.get("rows", 0))
        result = client.query(self.statement()).result(page_size=size, start_index=skip)
        yield from _counted(self, (page for page in result.to_dataframe_iterable()), size, skip)

    def _spark_frame(self, session: Any) -> Any:
        given = self.attributes
        options = dict(given.get("spark_options") or {})
        info, project = self._credentials()
        if info:
            options["credentials"] = base64.b64encode(orjson.dumps(info)).decode()
        if project:
            options["parentProject"] = project
        if given.get("query"):
            if not given.get("materialization_dataset"):
                raise InvalidArgumentError(
                    "a query through Spark needs materialization_dataset", where=self.describe()
                )
            options["viewsEnabled"] = True
            options["materializationDataset"] = given["materialization_dataset"]
            options["query"] = given["query"]
        else:
            options["path"] = given["table"]
        return session.read.format("bigquery").load(**options)


class SnowflakeSource(Source):
    """Rows of a Snowflake query; the password is the environment's `SNOWFLAKE_PASSWORD`.

    Args:
        name: Its name.
        key_field: The column, or columns, of the entity.
        attributes: Further arguments of the connection.
        time_field: The column of the event time; the time range is a condition of the SQL.
        schedule: When to ingest again, as cron.
        start_time: Only rows after this time.
        end_time: Only rows up to this time.
        query: A SELECT; one with an order can be gone on with.
        url: Of the account, such as `xy12345.eu-west-1.snowflakecomputing.com`.
        user: The user.
        database: The database.
        schema: The older name of `db_schema`.
        db_schema: The schema.
        warehouse: The warehouse.
    """

    kind: ClassVar[str] = "snowflake"

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        key_field: str | Sequence[str] | None = None,
        attributes: dict[str, Any] | None = None,
        time_field: str | None = None,
        schedule: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
        query: str | None = None,
        url: str | None = None,
        user: str | None = None,
        database: str | None = None,
        schema: str | None = None,
        db_schema: str | None = None,
        warehouse: str | None = None,
    ) -> None:
        named = {
            "url": url,
            "user": user,
            "database": database,
            "db_schema": db_schema or schema,
            "warehouse": warehouse,
            "query": query,
        }
        given = {**(attributes or {}), **{key: value for key, value in named.items() if value}}
        super().__init__(name, None, given, key_field, time_field, schedule, start_time, end_time)

    def _password(self) -> str:
        found = environment("SNOWFLAKE_PASSWORD")
        if not found:
            raise InvalidArgumentError(
                "a SnowflakeSource needs a password",
                where=self.describe(),
                fix="set SNOWFLAKE_PASSWORD in the environment, or as a secret of the project",
            )
        return found

    def statement(self) -> str:
        """The SQL that is asked."""
        query = self.attributes.get("query")
        if not query:
            raise InvalidArgumentError("a SnowflakeSource needs a query", where=self.describe())
        span = self.time_range
        limits = [
            f"q.\"{self.time_field}\" {mark} '{as_datetime(micros).isoformat(' ')}'::TIMESTAMP_TZ"
            for micros, mark in ((span.start, ">"), (span.end, "<="))
            if micros is not None
        ]
        if not limits:
            return str(query)
        return f"SELECT * FROM ({query.strip().rstrip(';')}\n) AS q WHERE {' AND '.join(limits)}"

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        statement, password = self.statement(), self._password()
        connector: Any = require(
            "snowflake.connector", feature="a SnowflakeSource", extra="snowflake"
        )
        given = self.attributes
        account = str(given.get("url", "")).removeprefix("https://").rstrip("/")
        with connector.connect(
            account=account.removesuffix(".snowflakecomputing.com"),
            user=given.get("user"),
            password=password,
            database=given.get("database"),
            schema=given.get("db_schema"),
            warehouse=given.get("warehouse"),
        ) as connection:
            cursor = connection.cursor().execute(statement)
            skip = int(position.get("rows", 0))
            frames = _behind(cursor.fetch_pandas_batches(), skip, self.describe())
            yield from _counted(self, frames, size, skip)

    def _spark_frame(self, session: Any) -> Any:
        given = self.attributes
        options = {
            "sfURL": given.get("url"),
            "sfUser": given.get("user"),
            "sfPassword": self._password(),
            "sfDatabase": given.get("database"),
            "sfSchema": given.get("db_schema"),
            "sfWarehouse": given.get("warehouse"),
            "application": "mlrun-like",
            "query": self.statement(),
        }
        return session.read.format("net.snowflake.spark.snowflake").options(**options).load()


def _behind(frames: Iterator[Any], skip: int, where: str) -> Iterator[pd.DataFrame]:
    for given in frames:
        frame = as_frame(given)
        if skip < len(frame):
            yield frame.iloc[skip:].reset_index(drop=True)
        skip = max(0, skip - len(frame))
    if skip:
        raise ConflictError(
            f"the answer ends {skip:,} rows before the position",
            where=where,
            fix="ingest again without resuming",
        )


def _counted(source: Source, frames: Iterator[Any], size: int, done: int) -> Iterator[SourceChunk]:
    for given in frames:
        frame = as_frame(given)
        for begin in range(0, len(frame), size):
            part = frame.iloc[begin : begin + size].reset_index(drop=True)
            done += len(part)
            yield SourceChunk(part, write_position(source.kind, rows=done), len(part))
