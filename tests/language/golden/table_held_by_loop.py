from tests.rigs.header import *


class Cell(Struct):
    bits: Table[Pin, bool]


class Toy(Box):
    cells: Table[Cpu, Cell]

    @step(by="guest")
    def sweep(self) -> None:
        for pin, bit in self.cells[self.cpu].bits.items():
            if not bit:
                self.cpu = 1
                self.cells[0].bits[pin] = True
