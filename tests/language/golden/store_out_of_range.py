from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def up(self) -> None:
        self.slot = self.pin - 1
        self.pin += 1
