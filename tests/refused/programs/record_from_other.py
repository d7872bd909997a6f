from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.rows[0] = Row(lin=True)
