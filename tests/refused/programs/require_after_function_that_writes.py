from tests.rigs.header import *


class Toy(Box):
    def mark(self) -> None:
        self.on = True

    @step(by="guest")
    def go(self) -> None:
        self.mark()
        require(self.irr.highest())
