"""`scimsync rekey`."""

from __future__ import annotations

import csv
from pathlib import Path

import click

from scimsync.builtin import load
from scimsync.cli.ui.combinations import refuse
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.session import opened_state
from scimsync.errors import ConfigError
from scimsync.formatting import plural, printable
from scimsync.model.ids import Key
from scimsync.run.key_correction import confirm, rekey

_HEADER = ["old", "new"]


@click.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Move many: a CSV file with the columns old and new. All or none are moved.",
)
@common_options_without("keys", "targets")
def command(options: CommonOptions, old: str | None, new: str | None, file: Path | None) -> None:
    """Move the accounts of the user with the key OLD to the key NEW, at all targets.

    Use it when a person has a new key. Nothing is sent: the next push sends what differs. NEW must
    not have an account.

    rekey KEY KEY says that a record which seems to be of another person is of the same one.
    """
    if (file is None) == (old is None or new is None) or (file is not None and old is not None):
        refuse("give OLD and NEW, or --from FILE")
    config = load(options.config)
    with opened_state(config, create=False) as store:
        if file is None and old == new:
            key = Key(str(old).strip())
            targets = confirm(config, store, key, options.clock)
            _say(options, {"confirmed": {key: targets}}, f"{key}: the same person as before")
            return
        pairs = [(Key(str(old).strip()), Key(str(new).strip()))] if file is None else _read(file)
        moved = rekey(config, store, pairs, options.clock)
    number = sum(map(bool, moved.values()))
    text = f"{plural(number, 'user')} moved"
    if len(pairs) == 1:
        (first, second), where = pairs[0], moved[pairs[0][0]]
        text = f"{first}: now {second}; accounts moved at {', '.join(where) or 'no target'}"
    _say(options, {"moved": {old: {"new": new, "targets": moved[old]} for old, new in pairs}}, text)


def _say(options: CommonOptions, document: object, text: str) -> None:
    if options.as_json:
        write_json(document)
    elif not options.quiet:
        click.echo(printable(f"{text}; the next push sends what differs"))


def _read(path: Path) -> list[tuple[Key, Key]]:
    """Return the pairs of keys in a CSV file, old and new. Raise ConfigError if it has others."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{path}: {why}", code="SYNC-0387") from None
    first = text.partition("\n")[0]
    delimiter = next((one for one in ";\t" if one in first), ",")
    pairs: list[tuple[Key, Key]] = []
    for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and [cell.lower() for cell in cells] == _HEADER):
            continue
        if len(cells) != len(_HEADER) or not all(cells):
            raise ConfigError(
                f"{path}, line {number}: expected an old and a new key",
                hint="nothing was changed",
                code="SYNC-0387",
            )
        pairs.append((Key(cells[0]), Key(cells[1])))
    if not pairs:
        raise ConfigError(f"{path}: no keys found", code="SYNC-0387")
    return pairs
