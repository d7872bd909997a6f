from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.irr.add(pin - 1)
