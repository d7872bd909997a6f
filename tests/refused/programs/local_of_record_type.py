from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, cpu: Cpu) -> None:
        row: Row = self.rows[cpu]
        row.line = True
