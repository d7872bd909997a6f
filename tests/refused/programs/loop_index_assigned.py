from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        for pin in self.lines:
            pin = 0
            self.lines[pin] = True
