from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def swap(self) -> None:
        old = self.on
        self.on = self.lines[0]
        self.lines[0] = old or not self.lines[0]
