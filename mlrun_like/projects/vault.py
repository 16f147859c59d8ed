"""Secrets of projects in a Vault (HashiCorp's, OpenBao): key-value engine, version 2, over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from mlrun_like.configuration import config, environment
from mlrun_like.errors import ConfigError, EngineError
from mlrun_like.names import check_project
from mlrun_like.projects.secrets import SecretProvider, Secrets

__all__ = ["VaultSecrets"]

_SECONDS = 10.0
_MAX_BYTES = 4 * 2**20


class VaultSecrets(SecretProvider):
    """Reads and writes `<VAULT_ADDR>/v1/<setting vault_path>`.

    The token is `VAULT_TOKEN`, or what the file `VAULT_TOKEN_FILE` holds; `VAULT_NAMESPACE` is
    passed on. The form of requests and answers: Vault's HTTP API, "KV Secrets Engine - Version 2".
    """

    def read(self, project: str) -> Mapping[str, str]:
        """See SecretProvider.

        Raises:
            ConfigError: if no Vault is configured.
            EngineError: if it cannot be reached, or refuses.
        """
        answer = self._ask("GET", project)
        data = ((answer or {}).get("data") or {}).get("data") or {}
        return Secrets({str(key): str(value) for key, value in data.items()})

    def write(self, project: str, values: Mapping[str, str | None]) -> None:
        """See SecretProvider; other secrets of the project are written back with it."""
        changed: dict[str, str | None] = {**self.read(project), **values}
        kept = {name: value for name, value in changed.items() if value is not None}
        self._ask("POST", project, {"data": kept})

    def _ask(self, method: str, project: str, body: Any = None) -> dict[str, Any] | None:
        address = (environment("VAULT_ADDR") or "").rstrip("/")
        if urlsplit(address).scheme not in ("http", "https"):
            raise ConfigError(
                f"no Vault is configured: VAULT_ADDR is {address!r}",
                where="setting secret_provider=vault",
                fix="export VAULT_ADDR=https://vault:8200 VAULT_TOKEN=...",
            )
        path = config.vault_path.replace("{project}", check_project(project)).strip("/")
        url = f"{address}/v1/{quote(path)}"
        request = urllib.request.Request(
            url,
            method=method,
            headers=self._headers(),
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                text = answer.read(_MAX_BYTES)
            found = json.loads(text) if text.strip() else {}
        except urllib.error.HTTPError as exc:
            with exc:
                code = exc.code
            if method == "GET" and code == 404:
                return None
            raise EngineError(
                f"the Vault refused ({code})",
                where=f"{method} {url}",
                fix="check VAULT_TOKEN, its policy and the setting vault_path",
            ) from None  # a request's own error may hold its headers
        except (OSError, ValueError, http.client.HTTPException) as exc:
            raise EngineError(
                f"the Vault cannot be used: {exc}", where=url, fix="check VAULT_ADDR"
            ) from None
        return found if isinstance(found, dict) else None

    @staticmethod
    def _headers() -> dict[str, str]:
        token = environment("VAULT_TOKEN") or ""
        file = environment("VAULT_TOKEN_FILE") or ""
        if not token and file:
            try:
                token = Path(file).expanduser().read_text(encoding="utf-8").strip()
            except OSError as exc:
                raise ConfigError(
                    f"the file with the Vault's token cannot be read: {exc.strerror}",
                    where="VAULT_TOKEN_FILE",
                ) from exc
        headers = {"Content-Type": "application/json", "X-Vault-Request": "true"}
        namespace = environment("VAULT_NAMESPACE") or ""
        return {
            **headers,
            **({"X-Vault-Token": token} if token else {}),
            **({"X-Vault-Namespace": namespace} if namespace else {}),
        }
