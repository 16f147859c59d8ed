"""The kind mail: a message by SMTP."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Mapping
from email.errors import MessageError
from email.message import EmailMessage
from typing import Any

from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.notifications.deadline import Deadline, watched
from mlrun_like.notifications.message import Message
from mlrun_like.notifications.requests import LONGEST, TIMEOUT

__all__ = ["send_mail"]


def send_mail(message: Message, params: Mapping[str, Any]) -> None:
    """Send a mail.

    Params, with MLRun's names: `server_host`, `server_port` (587; with `use_tls` 465),
    `sender_address`, `email_addresses` (a list, or separated by commas), `username`, `password`,
    `use_tls` (false), `start_tls` (true if there is a user name), `validate_certs` (true),
    `subject`, `body`.
    """
    letter = _letter(message, params)
    use_tls = bool(params.get("use_tls"))
    host, user = str(params["server_host"]), params.get("username")
    start_tls = params.get("start_tls")
    start_tls = bool(user) and not use_tls if start_tls is None else bool(start_tls)
    context = ssl.create_default_context()
    if params.get("validate_certs") is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        port = int(params.get("server_port") or (465 if use_tls else 587))
        with contextlib.ExitStack() as stack:
            deadline = stack.enter_context(Deadline(LONGEST))
            options: dict[str, Any] = {"context": context} if use_tls else {}
            kind = smtplib.SMTP_SSL if use_tls else smtplib.SMTP
            server = watched(kind, deadline)(host, port, timeout=TIMEOUT, **options)
            stack.enter_context(server)
            if start_tls:
                server.starttls(context=context)
            if user:
                server.login(str(user), str(params.get("password") or ""))
            server.send_message(letter)
    except smtplib.SMTPResponseException as exc:
        error = InvalidArgumentError if exc.smtp_code >= 500 else EngineError
        said = exc.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise error(f"the mail server answered {exc.smtp_code} {text}") from None
    except smtplib.SMTPRecipientsRefused as exc:
        raise InvalidArgumentError(f"the mail server refused {', '.join(exc.recipients)}") from None
    except (ValueError, TypeError) as exc:
        raise InvalidArgumentError(f"a parameter of the mail cannot be used: {exc}") from None
    except (OSError, smtplib.SMTPException) as exc:
        raise EngineError(f"the mail server cannot be reached: {exc}") from None


def _letter(message: Message, params: Mapping[str, Any]) -> EmailMessage:
    given = params.get("email_addresses") or ()
    addresses = given.split(",") if isinstance(given, str) else [str(item) for item in given]
    addresses = [item.strip() for item in addresses if item.strip()]
    sender = str(params.get("sender_address") or params.get("username") or "")
    for what, value in (
        ("server_host", params.get("server_host")),
        ("sender_address", sender),
        ("email_addresses", addresses),
    ):
        if not value:
            raise InvalidArgumentError(
                f"it has no {what}",
                fix='params={"server_host": ..., "sender_address": ..., "email_addresses": [...]}',
            )
    letter = EmailMessage()
    try:
        letter["From"], letter["To"] = sender, ", ".join(addresses)
        if message.key:
            letter["X-Idempotency-Key"] = message.key
        letter["Subject"] = str(params.get("subject") or f"[{message.severity}] {message.text}")[
            :200
        ].replace("\n", " ")
        letter.set_content(str(params.get("body") or message.plain()))
        if not params.get("body"):
            letter.add_alternative(message.html(), subtype="html")
    except (ValueError, MessageError) as exc:
        raise InvalidArgumentError(f"an address of the mail cannot be used: {exc}") from None
    return letter
