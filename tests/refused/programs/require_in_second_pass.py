from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        for pin in self.lines:
            require(pin in self.irr)
            self.irr.discard(pin)
