from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        if self.slot is not None:
            self.lines[self.slot] = True
