from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.slot = -1
