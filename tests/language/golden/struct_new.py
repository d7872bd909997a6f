from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def write(self, pin: Pin, on: bool) -> None:
        self.rows[self.cpu] = Row(line=on, vector=pin)
