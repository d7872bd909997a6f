from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def move(self) -> None:
        row = self.rows[self.cpu]
        self.cpu = 1
        row.line = not row.line
