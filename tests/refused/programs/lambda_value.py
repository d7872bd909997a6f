from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        f = lambda: True
        self.on = f()
