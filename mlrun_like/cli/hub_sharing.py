"""What `mlrun-like hub` does with items of one's own: init, validate, test, publish, withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlrun_like.cli.output import Json, clean, print_json
from mlrun_like.marketplace.sharing.checking import validate_item
from mlrun_like.marketplace.sharing.publishing import publish as publish_item
from mlrun_like.marketplace.sharing.scaffold import init_item
from mlrun_like.marketplace.sharing.testing import test_item
from mlrun_like.marketplace.sharing.withdrawing import withdraw as withdraw_item

__all__ = ["init", "publish", "test", "validate", "withdraw"]

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The item's folder.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Do not ask a package index about its requirements.")
]
Here = Annotated[
    bool, typer.Option("--here", help="In this environment, instead of one made for the test.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Tell only how it ended.")]


def validate(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Items' folders.")],
    offline: Offline = False,
    as_json: Json = False,
) -> int:
    """Check items as publish does, and tell all mistakes at once; nothing of them is run.

    mlrun-like hub validate ./clean_text
    """
    reports = [validate_item(folder, resolve=not offline) for folder in folders]
    if as_json:
        print_json([report.to_dict() for report in reports])
    for report in () if as_json else reports:
        count = len(report.problems)
        typer.echo(f"{report.name}: " + ("ok" if report.ok else f"{count} to correct"))
        for line in report.lines():
            typer.echo(f"  {clean(line)}")
        for note in report.notes:
            typer.echo(f"  note: {clean(note)}")
    return 0 if all(report.ok for report in reports) else 1


def test(
    folder: Folder,
    here: Here = False,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Stop the test after so many seconds.")
    ] = 900.0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Run an item's test where only the product and its requirements are installed.

    mlrun-like hub test ./clean_text

    What is installed and which test runs is told on stderr.
    """
    done = test_item(folder, here=here, timeout=timeout, tell=None if quiet else _tell)
    if as_json:
        print_json(done.to_dict())
        return 0 if done.passed else 1
    if quiet and not done.passed:
        typer.echo(clean(done.output))
    place = "in this environment" if here else f"in an environment made in {done.made:.0f} s"
    typer.echo(f"{done.name}: {clean(done.summary)}, {place}")
    if done.skipped:
        typer.echo("warning: every test was skipped, so nothing is known of it", err=True)
    return 0 if done.passed else 1


def _tell(text: str) -> None:
    typer.echo(clean(text), nl=False, err=True)


def publish(
    folder: Folder,
    target: Annotated[
        str, typer.Argument(metavar="CATALOGUE", help="The catalogue's root: a folder.")
    ],
    channel: Annotated[str, typer.Option("--channel", help="The channel.")] = "master",
    here: Here = False,
    no_test: Annotated[
        bool, typer.Option("--no-test", help="Do not test it; the index says so.")
    ] = False,
    offline: Offline = False,
    sign: Annotated[
        str, typer.Option("--sign", metavar="KEY.pem", help="Sign the index by this Ed25519 key.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Check and test an item, and write its version and the index of a catalogue.

    mlrun-like hub publish ./clean_text /srv/hub

    A version that is published never changes: raise it in item.yaml. A catalogue in git is a clone
    of it: publish into that, then commit and push.
    """
    where = "none" if no_test else "here" if here else "clean"
    done = publish_item(
        folder, target, channel=channel, test=where, resolve=not offline, sign=sign,
        tell=_tell,
    )  # fmt: skip
    if as_json:
        print_json(done.to_dict())
        return
    what = "published" if done.new else "is published already, with these bytes"
    typer.echo(f"{done.name} {done.version} {what}; {done.tested}")
    typer.echo(f"digest  {done.digest}\nindex   {done.index}")
    if done.key:
        typer.echo(f"key     {done.key}")


def withdraw(
    item: Annotated[str, typer.Argument(metavar="NAME:VERSION", help="What is taken back.")],
    target: Annotated[
        str, typer.Argument(metavar="CATALOGUE", help="The catalogue's root: a folder.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="What readers are told.")],
    channel: Annotated[str, typer.Option("--channel", help="The channel.")] = "master",
    sign: Annotated[
        str, typer.Option("--sign", metavar="KEY.pem", help="Sign the index by this Ed25519 key.")
    ] = "",
) -> None:
    """Take a version back: who asks for it is told why, and its number is never used again.

    mlrun-like hub withdraw clean_text:1.0.0 /srv/hub --reason "it drops rows"
    """
    name, _, version = item.partition(":")
    done = withdraw_item(name, version, target, reason=reason, channel=channel, sign=sign)
    left = f"the latest is {done.latest}" if done.latest else "no version is left"
    typer.echo(f"{done.name} {done.version} is withdrawn; {left}\nindex   {done.index}")


def init(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and '_'.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where its folder is made.")] = Path(),
    kind: Annotated[str, typer.Option("--kind", help="functions, modules or steps.")] = "functions",
    author: Annotated[str, typer.Option("--author", help="Who makes it.")] = "",
) -> None:
    """Start an item: metadata, code, test, example and README that pass validate and test.

    mlrun-like hub init clean_text

    mlrun-like hub test clean_text --here
    """
    place = init_item(name, folder, kind=kind, author=author)
    for path in sorted(place.iterdir()):
        typer.echo(str(path))
    typer.echo(f"fill them, then: mlrun-like hub test {place}")
