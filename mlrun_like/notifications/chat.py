"""Kinds that post a message: slack, webhook and git (a comment of an issue or merge request)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.notifications.message import Message, rows_of
from mlrun_like.notifications.requests import send_json
from mlrun_like.notifications.template import fill

__all__ = ["send_git", "send_slack", "send_webhook"]

_SIGNS = {"completed": ":white_check_mark:", "error": ":x:", "aborted": ":no_entry:"}


def send_slack(message: Message, params: Mapping[str, Any]) -> None:
    """Post to a channel. Params: `webhook` (by default the variable SLACK_WEBHOOK)."""
    url = params.get("webhook") or environment("SLACK_WEBHOOK")
    if not url:
        raise InvalidArgumentError(
            "it has no webhook", fix='secret_params={"webhook": ...}, or the variable SLACK_WEBHOOK'
        )
    head = f"[{message.severity}] {message.text}"
    blocks: list[dict[str, Any]] = [_section(head)]
    if message.facts:
        blocks.append(_section("\n".join(f"*{name}:* {value}" for name, value in message.facts)))
    blocks += [
        _section(f"{_SIGNS.get(state, ':hourglass:')} *{name}* {state} `{uid[:8]}` {results}")
        for name, state, uid, results in rows_of(message.runs[:40])
    ]
    send_json(str(url), {"text": head, "blocks": blocks})


def send_webhook(message: Message, params: Mapping[str, Any]) -> None:
    """Send to any server.

    Params: `url`, `method` (`post`), `headers` (or as JSON), `verify_ssl` (true), `override_body`
    (a mapping instead of message, severity, name and runs; templates in its texts are filled). A
    message that may come twice has the header `Idempotency-Key`.
    """
    if not params.get("url"):
        raise InvalidArgumentError("it has no url", fix='params={"url": "https://..."}')
    runs = [dict(run) for run in message.runs]
    body: Any = {
        "message": message.text,
        "severity": message.severity,
        "name": message.name,
        "runs": runs,
        **message.data,
    }
    if params.get("override_body") is not None:
        values = {**body, "run": runs[0] if runs else {}}
        body = _filled(params["override_body"], values)
    headers = params.get("headers") or {}
    if isinstance(headers, str):  # a secret is a text
        try:
            headers = json.loads(headers)
        except (ValueError, RecursionError):
            headers = None  # its text is not to be shown
    if not isinstance(headers, Mapping):
        raise InvalidArgumentError("headers must map names to values", fix='{"X-Token": "..."}')
    if message.key:
        headers = {"Idempotency-Key": message.key, **headers}
    verify = params.get("verify_ssl", True) is not False
    send_json(str(params["url"]), body, headers, str(params.get("method") or "post"), verify)


def send_git(message: Message, params: Mapping[str, Any]) -> None:
    """Comment on an issue, pull request or merge request of GitHub or GitLab.

    Params: `repo`, `issue` or `merge_request`, `token`, `gitlab` (true), `server`. What is missing
    is taken from the variables of GitHub Actions and GitLab CI, the token from GIT_TOKEN.
    """
    server = str(params.get("server") or "")
    gitlab = params.get("gitlab")
    if gitlab is None:
        gitlab = "gitlab" in server or environment("GITLAB_CI") == "true"
    repo = params.get("repo") or environment("CI_PROJECT_ID" if gitlab else "GITHUB_REPOSITORY")
    merge = params.get("merge_request") or (
        environment("CI_MERGE_REQUEST_IID") if gitlab and not params.get("issue") else None
    )
    number = merge or params.get("issue") or _pull_request()
    names = ("GIT_TOKEN", "GITLAB_TOKEN" if gitlab else "GITHUB_TOKEN")
    token = params.get("token") or next(filter(None, map(environment, names)), None)
    for what, value in (("repo", repo), ("issue", number), ("token", token)):
        if not value:
            raise InvalidArgumentError(
                f"it has no {what}",
                fix='params={"repo": "org/name", "issue": 7}, secret_params={"token": ...}',
            )
    base = server if "://" in server else f"https://{server}" if server else ""
    if gitlab:
        place = "merge_requests" if merge else "issues"
        root = (base or environment("CI_SERVER_URL") or "https://gitlab.com").rstrip("/")
        url = f"{root}/api/v4/projects/{quote(str(repo), safe='')}/{place}/{number}/notes"
        send_json(url, {"body": message.markdown()}, {"PRIVATE-TOKEN": str(token)})
        return
    root = (base or environment("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
    url = f"{root}/repos/{quote(str(repo))}/issues/{number}/comments"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"token {token}",
        "User-Agent": "mlrun-like",
    }
    send_json(url, {"body": message.markdown()}, headers)


def _pull_request() -> str:
    """The number of the pull request that a GitHub workflow runs for."""
    parts = (environment("GITHUB_REF") or "").split("/")
    return parts[2] if len(parts) > 3 and parts[1] == "pull" else ""


def _section(text: str) -> dict[str, Any]:
    # 3000 characters is the most that a section takes
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}}


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        if value.strip().replace(" ", "") == "{{runs}}":
            return json.loads(json.dumps(values["runs"], default=str))
        return fill(value, values)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return value
