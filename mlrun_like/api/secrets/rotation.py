"""A new key, and everything sealed anew with it; it can be killed at any time and run again."""

from __future__ import annotations

from collections.abc import Callable

from mlrun_like.api.secrets.keys import Keyring, add_key, drop_old_keys, keyring
from mlrun_like.tracking.access_abilities import SecretStore

__all__ = ["reseal", "rotate"]

_BATCH = 100


def rotate(
    store: SecretStore, *, drop: bool = False, tell: Callable[[int], None] | None = None
) -> int:
    """Make a new key and seal all secrets with it; with `drop` older keys than the one before go.

    The new key is on the disk before anything is sealed with it, and an old one goes only when
    nothing needs it any more. So wherever it is stopped, everything can be read.

    Returns:
        How many secrets were sealed anew.
    """
    count = reseal(store, add_key(), tell)
    if drop:
        drop_old_keys()
    return count


def reseal(
    store: SecretStore, ring: Keyring | None = None, tell: Callable[[int], None] | None = None
) -> int:
    """Seal all secrets with the newest key that another one sealed; how many there were.

    Raises:
        ConflictError: if a secret's key is gone. What was sealed before stays so.
    """
    ring = ring or keyring()
    count = 0
    while rows := store.secrets_not_of(ring.name, _BATCH):
        pairs = [
            (row, row._replace(value=ring.seal(ring.open(row.value, row.key)), key=ring.name))
            for row in rows
        ]
        # one that was set meanwhile is another row by now, and comes again if it needs to
        count += store.reseal_secrets(pairs)
        if tell is not None:
            tell(count)
    return count
