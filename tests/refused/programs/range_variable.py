from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        for pin in range(self.pin):
            self.lines[pin] = True
