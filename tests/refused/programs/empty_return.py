from tests.rigs.header import *


class Toy(Box):
    def top(self) -> Pin | None:
        return

    @step(by="guest")
    def go(self) -> None:
        self.slot = self.top()
