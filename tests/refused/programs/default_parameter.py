from tests.rigs.header import *


class Toy(Box):
    def mark(self, on: bool = True) -> None:
        self.on = on

    @step(by="guest")
    def go(self) -> None:
        self.mark()
