from tests.rigs.header import *


class Toy(Box):
    def mark(self, pin: Pin, on: bool) -> None:
        self.lines[pin] = on

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.mark(pin)
