"""The store of runs, metrics, artifacts, functions, logs and lineage.

    base.py         the seam: RunStore, ObjectStore, LogStore, Store, and their queries
    connect.py      open_store(address): one store per address and process
    meant.py        which store is meant where no address is given, and whose work is at hand;
                    clients.py: several users in one process; logins.py: their tokens
    full.py         a store that can do everything; remote/: the same behind a service
    store.py        SqlStore = runs.py + objects.py + logs.py + lineage; part.py: what they share
    writer.py       queue, group commits; thread.py and guard.py: its thread, forks, the end;
                    sink.py: where it writes to; transacting.py: the writer of a database
    spool.py        what waits for a store that is away
    operations.py   what may be written, idempotently; batches.py: many at once
    documents.py    from documents to rows; records.py: versioned definitions
    sql.py          connections and errors; sqlite.py: its waiting; transaction.py, statements.py
    schema.py       the tables; migrate.py: to the current schema; upgrade.py + migrations/: Alembic
    run_listing.py, artifact_listing.py   pages of long lists: walking.py along an index;
                    run_lanes.py: what those of runs hold; listing_abilities.py: their seam;
                    listing_positions.py: checks of positions
    sampling.py     metric series in few points
    forgetting.py   functions that are deleted, tags that are taken away; known_versions.py: those
                    that this process need not record again
    reaper.py       runs whose process was killed; process.py: does a process live; sightings.py:
                    signs of life of other machines
    gc.py           removes what nobody needs; project_counts.py: what projects hold
    monitoring_endpoints.py, monitoring_series.py   model endpoints, and batches of what they saw;
                    monitoring_abilities.py: their seam; schema_monitoring.py: their tables
    access_users.py, access_members.py, access_sessions.py   users and tokens, roles and sealed
                    secrets, sessions and the audit log; access_abilities.py: their seam;
                    schema_access.py: their tables

A write goes: document -> row -> operation -> queue -> one transaction for all that wait (or the
spool). A read first writes what its own process has queued, so everybody reads their own writes.
"""
