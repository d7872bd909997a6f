from tests.rigs.header import *


class Toy(Box):
    def drain(self) -> None:
        if self.irr:
            self.irr.clear()
            self.again()

    def again(self) -> None:
        self.drain()

    @step(by="guest")
    def go(self) -> None:
        self.drain()
