from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        require(self.irr & self.isr)
        self.irr.clear()
