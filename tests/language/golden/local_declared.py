from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def pick(self) -> None:
        target: Pin = 0
        if self.on:
            target = self.pin
        self.lines[target] = True
        self.pin = 2
        self.on = not self.on
