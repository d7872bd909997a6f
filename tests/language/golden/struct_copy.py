from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def fill(self, pin: Pin) -> None:
        self.rows[1].vector = pin

    @step(by="guest")
    def copy(self) -> None:
        self.rows[0] = self.rows[self.cpu]
        self.cpu = 1
