from tests.rigs.header import *


class Toy(Box):
    def mark(self) -> None:
        self.on = True

    def top(self) -> bool:
        self.mark()
        return self.on

    @step(by="guest")
    def go(self) -> None:
        require(self.top())
