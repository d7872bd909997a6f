from tests.rigs.header import *


class Toy(Box):
    def row(self) -> Row:
        return self.rows[0]

    @step(by="guest")
    def go(self) -> None:
        self.on = self.row().line
