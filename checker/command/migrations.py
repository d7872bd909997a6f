"""`eoi migrations`: what becomes of a VM, for every pair of hosts and every operation."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from checker.command import exits, json_text
from checker.command.options import add_engine, positive
from checker.files import check_folder, write_text
from checker.matrix.roles import look_up
from checker.questions import migration_table
from checker.words import count


def add(parser: ArgumentParser) -> None:
    parser.add_argument("--table", action="append", metavar="T", help="only this table (repeatable)")
    parser.add_argument("--tell", metavar="T:FROM:TO:OP", help="the stories of one cell, e.g. rfc_v2:8:1:migrate")
    parser.add_argument("--write", metavar="DIR", help="write DIR/migration.txt and the stories under DIR/migration/")
    parser.add_argument("--sizes", type=positive, default=1, metavar="N", help="vCPUs, pins and vectors (default: 1)")
    parser.add_argument("--json", action="store_true", help="machine-readable outcomes")
    add_engine(parser)


def run(options: Namespace) -> int:
    """`eoi migrations`: 1 if there is a bad cell."""
    runner = migration_table.Runner(options.engine, options.sizes)
    if options.tell:
        entry = runner.entry(*migration_table.find_entry(options.tell))
        print(f"{entry.name}: {entry.outcome} ({entry.code})")
        print(
            "".join(f"\n{migration_table.tell(entry, result, verdict)}" for result, verdict in entry.shortest()), end=""
        )
        return exits.decided(wrong=entry.bad, undecided=False)
    if options.write:
        check_folder("--write", Path(options.write) / "migration")
    chosen = [look_up("table", name, migration_table.tables()) for name in options.table or migration_table.tables()]
    found = {table.name: list(runner.entries(table)) for table in chosen}
    if options.write:
        stories = write(found, Path(options.write))
        print(
            f"{count(sum(map(len, found.values())), 'cell')}, {count(stories, 'story', 'stories')}: written to {options.write}"
        )
    else:
        print(
            json_text.of_migrations(found) if options.json else migration_table.report_text(found),
            end="\n" if options.json else "",
        )
    bad = any(entry.bad for entries in found.values() for entry in entries)
    return exits.decided(wrong=bad, undecided=False)


def write(found: Mapping[str, Sequence[migration_table.Entry]], directory: Path) -> int:
    """migration.txt, and migration/*.txt with a story for each different violation; returns how many stories."""
    folder = directory / "migration"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        file: text for entries in found.values() for file, text in migration_table.Stories(entries).texts().items()
    }
    for old in folder.glob("*.txt"):
        old.unlink()
    for file, text in texts.items():
        write_text(folder / file, text)
    write_text(directory / "migration.txt", migration_table.report_text(found))
    return len(texts)
