"""Schema history for Alembic: `env.py` connects, `versions/` holds one file per schema version."""
