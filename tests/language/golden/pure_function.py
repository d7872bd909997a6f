from tests.rigs.header import *


class Toy(Box):
    def top(self, irr: Mask[Pin]) -> Pin | None:
        vector = irr.highest()
        if vector is None or vector in self.isr:
            return None
        return vector

    @step(by="guest")
    def ack(self, pin: Pin) -> None:
        self.slot = self.top(self.irr)
        self.irr.add(pin)
        self.isr = self.irr - self.isr
