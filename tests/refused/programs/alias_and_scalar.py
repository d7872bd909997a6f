from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        row = self.rows[0]
        row.line = True
        row = 1
