"""Home, store, artifacts, runs."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["GENERAL"]

GENERAL: tuple[Setting, ...] = (
    Setting("home", str, "~/.mlrun-like", "Folder of the store, artifacts, logs and spool."),
    Setting(
        "code_path",
        str,
        "",
        "Folder that the code of functions is unpacked into; empty: `code` in home.",
    ),
    Setting(
        "config_file",
        str,
        "",
        "YAML file with settings; empty: config.yaml in home.",
        ("MLRUN_CONFIG_FILE",),
    ),
    Setting(
        "dbpath",
        str,
        "",
        "Tracking store: a folder, sqlite:///file, postgresql://… or the http(s)://… address of a "
        "service; empty: a SQLite file in home.",
        ("MLRUN_DBPATH",),
    ),
    Setting(
        "access_key",
        str,
        "",
        "Token for the service that dbpath names; empty: what `mlrun-like login` keeps in home.",
        ("MLRUN_ACCESS_KEY", "V3IO_ACCESS_KEY"),
    ),
    Setting("remote_timeout", float, 30.0, "Seconds to wait for one answer of the service."),
    Setting(
        "remote_deadline",
        float,
        30.0,
        "Seconds for which a request is tried again while the service is away; what is recorded "
        "waits on disk and is not counted.",
    ),
    Setting(
        "remote_ca",
        str,
        "",
        "File of certificates (PEM) of the own authority that signed the service's; those of the "
        "system are believed besides.",
    ),
    Setting(
        "sql_url",
        str,
        "",
        "Database of SQL sources and targets that name none, as SQLAlchemy's URL.",
        ("MLRUN_SQL__URL",),
    ),
    Setting(
        "artifact_path",
        str,
        "",
        "Where artifacts go; may hold {{run.uid}} and "
        "{{run.project}}; empty: artifacts/<project>/<run uid> in home.",
        ("MLRUN_ARTIFACT_PATH",),
    ),
    Setting(
        "default_project",
        str,
        "default",
        "Project of functions and runs that name none.",
        ("MLRUN_DEFAULT_PROJECT",),
    ),
    Setting(
        "log_level",
        str,
        "INFO",
        "Level of the run logger: DEBUG, INFO, WARNING or ERROR.",
        ("MLRUN_LOG_LEVEL",),
    ),
    Setting(
        "v3io_root",
        str,
        "",
        "Folder behind v3io://: v3io:///projects/a.csv is projects/a.csv in it; empty: the "
        "platform itself.",
    ),
    Setting(
        "url_map",
        str,
        "",
        "Folders (or URLs) in place of URLs by how these begin: 'hub://=./hub;"
        "https://host/data/=./data'; the longest beginning wins.",
    ),
    Setting(
        "item_to_real_path",
        str,
        "",
        "Folder of this machine in place of one that paths begin with: '/data::/mnt/data'.",
        ("MLRUN_STORAGE__ITEM_TO_REAL_PATH",),
    ),
    Setting(
        "sample_data_prefix",
        str,
        "https://s3.wasabisys.com/iguazio/",
        "Where the sample data of tutorials is: a folder or URL, also in place of the default.",
        ("SAMPLE_DATA_SOURCE_URL_PREFIX", "MLRUN_DEFAULT_SAMPLES_PATH"),
    ),
    Setting(
        "ignored_notebook_tags",
        str,
        "",
        "Notebook cell tags left out of the code, separated by ';'.",
        ("MLRUN_IGNORED_NOTEBOOK_TAGS",),
    ),
    Setting("flush_interval", float, 0.25, "Seconds between writes of metrics and logs."),
    Setting("store_timeout", float, 60.0, "Seconds to wait for a locked or slow store."),
    Setting("heartbeat_interval", float, 2.0, "Seconds between a run's signs of life."),
    Setting(
        "lost_after",
        float,
        120.0,
        "Seconds without a new sign of life, as seen from here, after which a run on another "
        "machine counts as lost.",
    ),
    Setting("calculate_digest", bool, True, "Record a SHA-256 digest of every artifact."),
    Setting(
        "artifact_path_from_hash",
        bool,
        False,
        "Name files of artifacts after the SHA-1 of their bytes, without the run's folder.",
        ("MLRUN_ARTIFACTS__GENERATE_TARGET_PATH_FROM_ARTIFACT_HASH",),
    ),
    Setting(
        "pack_tuples",
        bool,
        False,
        "Treat a returned tuple as one value.",
        ("MLRUN_PACKAGERS__PACK_TUPLES",),
    ),
    Setting(
        "packagers_enabled",
        bool,
        True,
        "Read inputs as their type hints say and log what is returned as `returns` says; off: an "
        "input is a DataItem, and what is returned the result `return`.",
        ("MLRUN_PACKAGERS__ENABLED",),
    ),
    Setting(
        "auto_unpack_inputs",
        bool,
        True,
        "Give an argument without a type hint the object that was logged; off: a DataItem (as the "
        "switch for MLRun's code has it).",
        ("MLRUN_PACKAGERS__AUTO_UNPACK_INPUTS",),
    ),
    Setting(
        "strict_arguments",
        bool,
        True,
        "Refuse parameters of a run that its handler has no argument for, texts for arguments that "
        "are numbers, local=False where a kind's engine is not configured, and fn.deploy() where "
        "no image can be used; no: such parameters are recorded and not passed, texts are passed "
        "on, and the function runs here, as old code expects.",
    ),
    Setting(
        "full_run_names",
        bool,
        False,
        "Name runs `function-handler` in small letters with dashes, also where both are one; off: "
        "such a name is not said twice (on where the switch for MLRun's code is).",
    ),
    Setting("preview_rows", int, 20, "Rows in a data set's preview."),
    Setting("preview_columns", int, 100, "Columns in a data set's preview."),
    Setting("keep_deleted_days", float, 7.0, "Days before gc removes soft-deleted records."),
    Setting(
        "exec",
        str,
        "",
        "The run to execute, as JSON (set by runtimes for `mlrun-like run --from-env`).",
        ("MLRUN_EXEC_CONFIG",),
    ),
    Setting("exec_file", str, "", "File with the run to execute (set by runtimes)."),
    Setting("token", str, "", "Token for a remote service; never printed."),
    Setting(
        "secret_provider",
        str,
        "file",
        "Where secrets of projects are kept: file (private, in home), env, vault, or an installed "
        "provider.",
    ),
    Setting(
        "vault_path",
        str,
        "secret/data/mlrun/projects/{project}",
        "Path of a project's secrets in a Vault with version 2 of its key-value engine; the server "
        "is VAULT_ADDR, the token VAULT_TOKEN.",
    ),
    Setting(
        "hub_url",
        str,
        "",
        "Folder or URL of a function catalogue: hub://NAME[:TAG] is NAME/[TAG/][src/]function.yaml "
        "in it.",
    ),
    Setting(
        "hub_lock",
        str,
        "hub.lock",
        "File, relative to the working folder, that pins items of catalogues to a version and "
        "digest; `mlrun-like hub pin` writes it.",
    ),
    Setting(
        "hub_shipped",
        bool,
        True,
        "Whether hub:// names are also looked up in the catalogue that comes with the product.",
    ),
    Setting(
        "track_external",
        bool,
        False,
        "Take over what a run's code records with other platforms: MLflow, if it is installed.",
        ("MLRUN_EXTERNAL_PLATFORM_TRACKING__ENABLED",),
    ),
    Setting(
        "track_mlflow",
        bool,
        True,
        "Whether MLflow is one of them.",
        ("MLRUN_EXTERNAL_PLATFORM_TRACKING__MLFLOW__ENABLED",),
    ),
    Setting(
        "mlflow_match_experiment_to_runtime",
        bool,
        False,
        "Name MLflow's experiment as the run.",
        ("MLRUN_EXTERNAL_PLATFORM_TRACKING__MLFLOW__MATCH_EXPERIMENT_TO_RUNTIME",),
    ),
    Setting(
        "mlflow_control_run",
        bool,
        False,
        "Make MLflow's run before the handler begins; what that records goes into it.",
        ("MLRUN_EXTERNAL_PLATFORM_TRACKING__MLFLOW__CONTROL_RUN",),
    ),
)
