from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def raise_all(self) -> None:
        for pin in self.lines:
            self.lines[pin] = pin != self.pin
