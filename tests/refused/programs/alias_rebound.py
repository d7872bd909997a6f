from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        row = self.rows[0]
        row = self.rows[1]
        row.line = True
