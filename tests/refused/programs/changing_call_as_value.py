from tests.rigs.header import *


class Toy(Box):
    def mark(self) -> None:
        self.on = True

    @step(by="guest")
    def go(self) -> None:
        self.pin = 1 if self.mark() else 0
