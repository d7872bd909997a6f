"""What a translation stands on: the table, the model, and what the patch has brought."""

from __future__ import annotations

from dataclasses import dataclass, field

from lift.shapes import Shapes
from lift.surface import Surface
from lift.table import FunctionRow, Table


@dataclass
class Known:
    """What is known beside the table: the model, and what the patch itself has brought so far."""

    table: Table
    surface: Surface
    defines: dict[str, str]
    fields: dict[str, str] = field(default_factory=dict[str, str])  # new ones: name -> type of the model
    new: dict[str, FunctionRow] = field(default_factory=dict[str, FunctionRow])  # new functions
    new_types: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])  # their parameters
    new_returns: dict[str, str] = field(default_factory=dict[str, str])
    by_head: dict[str, FunctionRow] = field(default_factory=dict[str, FunctionRow])  # the design's own, without a row
    shapes: Shapes = field(init=False)
    wanted: dict[str, set[str]] = field(default_factory=dict[str, set[str]])  # model function -> #defines it uses

    def __post_init__(self) -> None:
        self.shapes = Shapes(self.table, self.surface)

    def brings(self, name: str) -> bool:
        """Has the patch a function or a macro of this name? Rows about names are not about it."""
        of_table = {row.left for row in self.table.rows["constants"]}
        return name in self.new or (name in self.defines and name not in of_table)

    def wants(self, function: str, names: set[str]) -> None:
        """It uses these #defines."""
        self.wanted.setdefault(function, set()).update(names)
        for name in names:
            self.table.named("constants", name)
