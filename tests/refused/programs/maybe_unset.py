from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        if self.on:
            pin = self.pin
        self.lines[pin] = True
