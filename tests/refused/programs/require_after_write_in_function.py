from tests.rigs.header import *


class Toy(Box):
    def claim(self, pin: Pin) -> None:
        require(pin in self.irr)
        self.irr.discard(pin)

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.pin = pin
        self.claim(pin)
