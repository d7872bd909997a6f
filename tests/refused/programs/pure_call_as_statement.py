from tests.rigs.header import *


class Toy(Box):
    def top(self) -> Pin | None:
        return self.irr.highest()

    @step(by="guest")
    def go(self) -> None:
        self.top()
