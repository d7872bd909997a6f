"""`eoi migrations`: what becomes of a VM, for every pair of hosts and every operation."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from checker.command import exits, json_text
from checker.errors import UserError
from checker.files import check_folder, write_text
from checker.matrix.roles import look_up
from checker.questions import migration_of_file, migration_table, report
from checker.questions.campaign import lines_never_run
from checker.words import count


def run(options: Namespace) -> int:
    """`eoi migrations`: 1 if there is a bad cell; of a file 3 if there is none, and a line of it was not run."""
    known = migration_of_file.tables_of(options.design) if options.design else migration_table.tables()
    if options.write and options.design:
        raise UserError("--write is the report of the registered designs: leave the file or --write away")
    if options.tell and (options.json or options.write or options.table):
        raise UserError("--tell tells the stories of one cell, as text: leave --json, --write and --table away")
    if options.json and options.write:
        raise UserError("--write writes the report as text, and --json prints it: give one of them")
    runner = migration_table.Runner(options.engine, options.sizes)
    if options.tell:
        entry = runner.entry(*migration_table.find_entry(options.tell, known))
        print(f"{entry.name}: {entry.outcome} ({entry.code})")
        print(
            "".join(f"\n{migration_table.tell(entry, result, verdict)}" for result, verdict in entry.shortest()), end=""
        )
        return exits.decided(wrong=entry.bad, undecided=False)
    if options.write:
        check_folder("--write", Path(options.write) / "migration")
    chosen = [look_up("table", name, known) for name in options.table or known]
    found = {table.name: list(runner.entries(table)) for table in chosen}
    if options.write:
        stories = write(found, Path(options.write))
        print(
            f"{count(sum(map(len, found.values())), 'cell')}, {count(stories, 'story', 'stories')}: written to {options.write}"
        )
    else:
        print(
            as_json(found) if options.json else migration_table.report_text(found),
            end="\n" if options.json else "",
        )
    results = [result for entries in found.values() for entry in entries for result in entry.results]
    if options.design and not options.json:
        standing = migration_table.tables()
        base = {name: list(runner.entries(standing[name])) for name in found}
        print("\n".join(["", *migration_of_file.beside(found, base), *report.not_looked_at(results)]))
    bad = any(entry.bad for entries in found.values() for entry in entries)
    return exits.decided(wrong=bad, undecided=bool(lines_never_run(results)))


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


def as_json(found: Mapping[str, Sequence[migration_table.Entry]]) -> str:
    """Every cell of the tables, and what is broken there."""
    cells = [
        {
            "cell": e.name, "from": str(e.table.hosts[e.source]), "to": str(e.table.hosts[e.to]), "outcome": e.outcome,
            "code": e.code, "states": sum(r.stats.states for r in e.results),
            "broken": [
                {"property": v.property.name, "steps": migration_table.length(v), "guest": r.cell.names["guest"],
                 "scope": json_text.of_scope(r.cell.scope)}
                for r, v in e.shortest()
            ],
        }
        for entries in found.values() for e in entries
    ]  # fmt: skip
    return json_text.document("migrations", {"cells": cells})
