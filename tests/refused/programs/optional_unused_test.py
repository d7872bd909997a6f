from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        vector = self.irr.highest()
        self.isr.add(vector)
