from tests.rigs.header import *


class Toy(Box):
    def claim(self, pin: Pin) -> None:
        require(not self.lines[pin])
        self.lines[pin] = True

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.claim(pin)
        self.pin = pin
