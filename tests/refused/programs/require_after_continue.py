from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        for pin in self.lines:
            if self.on:
                self.irr.add(pin)
                continue
            require(pin in self.irr)
