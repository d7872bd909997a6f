from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, pin: Pin) -> None:
        for pin in self.lines:
            self.lines[pin] = True
