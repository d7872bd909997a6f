from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def route(self) -> None:
        for cpu, row in self.rows.items():
            row.line = cpu == self.cpu
            self.cpu = cpu
