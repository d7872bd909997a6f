from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def fill(self, pin: Pin) -> None:
        self.irr.add(pin)
        self.slot = self.irr.lowest()
        self.on = self.irr.highest() == 2
