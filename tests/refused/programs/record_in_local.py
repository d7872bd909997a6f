from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        row = Row(line=True)
        self.rows[0] = row
