from tests.rigs.header import *


class Toy(Box):
    def mark(self, *on: bool) -> None:
        self.on = True

    @step(by="guest")
    def go(self) -> None:
        self.mark(True)
