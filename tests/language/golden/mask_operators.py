from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def fill(self, pin: Pin) -> None:
        self.irr.add(pin)
        self.isr = self.isr | (self.irr - self.isr)
        self.on = (self.irr & self.isr) == self.irr
        if self.irr - self.isr:
            self.irr.clear()
