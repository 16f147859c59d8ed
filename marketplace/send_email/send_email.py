"""Sends an e-mail: text or HTML, files and artifacts attached, a summary of runs."""

from __future__ import annotations

import mimetypes
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import mlrun_like as ml
from mlrun_like.drawing.markup import Html
from mlrun_like.drawing.page import section, table
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, TooLargeError
from mlrun_like.tracking.base import RunQuery

__all__ = ["EmailError", "send_email"]

TLS = ("auto", "tls", "starttls", "none")
_SHOWN = 40  # rows of a run's table
_IMPLICIT = 465


class EmailError(MLRunLikeError, RuntimeError):
    """The mail server did not take the mail."""

    code = "email"


def send_email(  # noqa: PLR0913 - seven are MLRun's
    context: ml.MLClientCtx,
    sender: str,
    to: str | Sequence[str],
    subject: str,
    content: str = "",
    server_addr: str | None = None,
    attachments: Sequence[str] = (),
    html: str = "",
    runs: Sequence[str] | int = 0,
    cc: str | Sequence[str] = (),
    tls: str = "auto",
    ca_file: str = "",
    verify: bool = True,
    timeout: float = 30.0,
    max_megabytes: float = 20.0,
) -> None:
    """Send an e-mail.

    The secrets `SMTP_USER` and `SMTP_PASSWORD` are the server's account; without them there is no
    login.

    Args:
        context: The run's.
        sender: The address that it is from.
        to: Who gets it: addresses, as a list or with commas between.
        subject: Its subject.
        content: Its text.
        server_addr: The mail server, `host` or `host:port`; port 587, with `tls` 465.
        attachments: Files, URLs and artifacts (`store://...`); one that is not there is left out
            with a warning, and named in the result `skipped`.
        html: The same as HTML, for programs that show it.
        runs: Runs that a summary at the end tells of: uids or names, or so many of the newest of
            the project.
        cc: Who gets a copy.
        tls: `starttls`, `tls` (from the first byte), `none`, or `auto`: `tls` at port 465, else
            `starttls`.
        ca_file: Certificates that are trusted instead of the machine's own.
        verify: Whether the server's certificate is checked.
        timeout: Seconds that each step may take.
        max_megabytes: The most that all attachments may be.

    Raises:
        InvalidArgumentError: if an address or another parameter cannot be used.
        NotFoundError: if there is no such run.
        TooLargeError: if the attachments are larger than they may be.
        EmailError: if the server cannot be reached or does not take the mail.
    """
    user, password = context.get_secret("SMTP_USER"), context.get_secret("SMTP_PASSWORD")
    if bool(user) != bool(password):
        lacking = "SMTP_PASSWORD" if user else "SMTP_USER"
        raise InvalidArgumentError(f"there is no secret {lacking}", fix="give both, or neither")
    host, port, tls = _server(server_addr, tls, bool(user))
    message = EmailMessage()
    first, copies = _addresses(to, "to"), _addresses(cc, "cc", needed=False)
    people = [*first, *copies]
    try:
        message["From"], message["Subject"] = _addresses(sender, "sender")[0], subject
        message["To"] = ", ".join(first)
        if copies:
            message["Cc"] = ", ".join(copies)
        message["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    except (ValueError, MessageError) as exc:
        raise InvalidArgumentError(f"a header of the mail cannot be used: {exc}") from exc
    told = _runs(context, runs)
    _write(message, content, html, told)
    attached, skipped = _attach(context, message, attachments, max_megabytes)
    server, account = (host, port, tls, timeout), (user, password)
    refused = _send(message, people, server, account, (ca_file, verify))
    context.log_results(
        {
            "recipients": len(people) - len(refused),
            "refused": sorted(refused),
            "attached": attached,
            "skipped": skipped,
            "message_id": str(message["Message-ID"]),
        }
    )
    context.logger.info(f"sent to {len(people) - len(refused)} by {host}:{port}")


def _server(given: str | None, tls: str, has_user: bool) -> tuple[str, int, str]:
    if tls not in TLS:
        raise InvalidArgumentError(f"tls={tls!r} is unknown", fix=f"one of: {', '.join(TLS)}")
    if tls == "none" and has_user:
        raise InvalidArgumentError(
            "with tls='none' the password would go openly over the network",
            fix="use tls='starttls', or give no SMTP_USER",
        )
    try:
        parts = urlsplit(f"//{given or ''}")
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise InvalidArgumentError(f"server_addr={given!r} cannot be used: {exc}") from exc
    if not host:
        raise InvalidArgumentError(
            "there is no mail server", fix='server_addr="smtp.example.org:587"'
        )
    port = port or (_IMPLICIT if tls == "tls" else 587)
    tls = ("tls" if port == _IMPLICIT else "starttls") if tls == "auto" else tls
    return host, port, tls


def _addresses(given: str | Sequence[str], what: str, needed: bool = True) -> list[str]:
    texts = given.split(",") if isinstance(given, str) else [str(one) for one in given]
    found = [text.strip() for text in texts if text.strip()]
    wrong = [one for one in found if "@" not in parseaddr(one)[1] or set(one) & set("\r\n")]
    if wrong or (needed and not found):
        shown = wrong[0] if wrong else given
        raise InvalidArgumentError(f"{what}={shown!r:.80} is no address of e-mail")
    return found


def _runs(context: ml.MLClientCtx, wanted: Sequence[str] | int) -> Sequence[Mapping[str, Any]]:
    store, project = context.store, context.project
    if isinstance(wanted, int):
        found = store.list_runs(RunQuery(project=project, limit=wanted + 1)) if wanted else []
        return [one for one in found if one["metadata"]["uid"] != context.uid][:wanted]
    runs = []
    for name in [wanted] if isinstance(wanted, str) else wanted:
        plain = name.rpartition("/")[2].partition("#")[0].rpartition("@")[2]
        made = store.list_runs(RunQuery(project=project, uid=plain, limit=1))
        made = made or store.list_runs(RunQuery(project=project, name=plain, limit=1))
        if not made:
            raise ml.errors.NotFoundError(f"there is no run {name!r}", where=f"project {project}")
        runs += made
    return runs


def _write(
    message: EmailMessage, content: str, html: str, runs: Sequence[Mapping[str, Any]]
) -> None:
    rows = [_facts(run) for run in runs]
    lines = [content] if content or not runs else []
    lines += ["", *("\n".join(f"{k}: {v}" for k, v in row.items()) + "\n" for row in rows)]
    message.set_content("\n".join(lines).rstrip("\n") + "\n")
    if not html and not runs:
        return
    parts = [html or f"<p>{Html(_escaped(content))}</p>"]
    for run, row in zip(runs, rows, strict=True):
        cells = table(["", ""], [[k, v] for k, v in row.items()], is_bare=True)
        parts.append(section(str(run["metadata"].get("name", "run")), cells))
    message.add_alternative(
        f'<html><body style="font-family:sans-serif">{"".join(parts)}</body></html>', subtype="html"
    )


def _escaped(content: str) -> str:
    from_text = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return from_text.replace("\n", "<br/>")


def _facts(run: Mapping[str, Any]) -> dict[str, str]:
    """What is said of a run, a line each."""
    meta, status = run["metadata"], run.get("status", {})
    found = {"run": str(meta.get("name", "")), "state": str(status.get("state", ""))}
    found["uid"] = str(meta.get("uid", ""))
    for key in ("start_time", "end_time", "error"):
        if status.get(key):
            found[key] = str(status[key])[:1000]
    given = (run.get("spec", {}).get("parameters") or {}, status.get("results") or {})
    for kind, values in zip(("parameter", "result"), given, strict=True):
        for name, value in list(values.items())[:_SHOWN]:
            found[f"{kind} {name}"] = str(value)[:300]
    for one in (status.get("artifacts") or [])[:_SHOWN]:
        key = one.get("metadata", {}).get("key", "")
        found[f"artifact {key}"] = str(one.get("spec", {}).get("target_path", ""))
    return found


def _attach(
    context: ml.MLClientCtx, message: EmailMessage, wanted: Sequence[str], most: float
) -> tuple[list[str], list[str]]:
    attached, skipped, room = [], [], most * 1e6
    for url in [wanted] if isinstance(wanted, str) else wanted:
        try:
            item = context.get_dataitem(str(url))
            data = item.get(size=int(room) + 1)
        except (OSError, ml.errors.NotFoundError) as exc:
            context.logger.warning(f"{url} is not attached: {str(exc).splitlines()[0]:.200}")
            skipped.append(str(url))
            continue
        data = data.encode() if isinstance(data, str) else bytes(data)
        room -= len(data)
        if room < 0:
            raise TooLargeError(f"the attachments have more than {most:g} MB", where=str(url))
        name = PurePosixPath(urlsplit(item.url).path).name or "attachment"
        kind, encoding = mimetypes.guess_type(name)
        kind = kind if kind and not encoding else "application/octet-stream"
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
        attached.append(name)
    return attached, skipped


def _send(
    message: EmailMessage,
    people: Sequence[str],
    server: tuple[str, int, str, float],
    account: tuple[str | None, str | None],
    trust: tuple[str, bool],
) -> list[str]:
    """The addresses that were refused, if others were not."""
    host, port, tls, timeout = server
    where = f"{host}:{port}"
    try:
        secure = ssl.create_default_context(cafile=trust[0] or None)
        if not trust[1]:
            secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
        with ExitStack() as stack:
            if tls == "tls":
                made: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout, context=secure)
            else:
                made = smtplib.SMTP(host, port, timeout=timeout)
            stack.callback(made.close)
            if tls == "starttls":
                made.starttls(context=secure)
            if account[0]:
                made.login(account[0], account[1] or "")
            refused = made.send_message(message, to_addrs=[parseaddr(one)[1] for one in people])
            with suppress(OSError, smtplib.SMTPException):  # it is sent, whatever is said now
                made.quit()
            return list(refused)
    except smtplib.SMTPRecipientsRefused as exc:
        said = "; ".join(f"{one}: {_said(why[1])}" for one, why in exc.recipients.items())
        raise EmailError(f"all recipients were refused: {said:.500}", where=where) from exc
    except smtplib.SMTPResponseException as exc:
        said = f"{exc.smtp_code} {_said(exc.smtp_error)}"
        raise EmailError(f"the mail server answered {said:.500}", where=where) from exc
    except smtplib.SMTPNotSupportedError as exc:
        fix = "tls='tls', or tls='none' for a server that needs no login"
        raise EmailError(f"the mail server cannot do this: {exc}", where=where, fix=fix) from exc
    except (OSError, smtplib.SMTPException) as exc:
        raise EmailError(f"the mail server cannot be reached: {exc}", where=where) from exc


def _said(given: Any) -> str:
    return given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
