from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.on = any(pin in self.irr for pin in self.isr)
