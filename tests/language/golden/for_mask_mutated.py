from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def accept(self, pin: Pin) -> None:
        self.irr.add(pin)
        for vector in self.irr:
            self.irr.discard(vector)
            self.irr.add(0)
            self.isr.add(vector)
