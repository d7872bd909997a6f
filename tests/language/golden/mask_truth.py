from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def deliver(self, pin: Pin) -> None:
        if not self.irr and (self.isr or self.on):
            self.irr.add(pin)
        elif self.isr or pin == 1:
            self.isr.clear()
        else:
            self.isr.add(pin)
        self.on = True
