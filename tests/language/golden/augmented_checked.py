from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def up(self) -> None:
        require(self.pin < 2)
        self.pin += 1

    @step(by="guest")
    def down(self) -> None:
        require(self.pin != 0)
        self.pin -= 1
        self.irr |= self.isr
