from tests.rigs.header import *


class Toy(Box):
    def top(self) -> bool:
        if self.on:
            return True

    @step(by="guest")
    def go(self) -> None:
        require(self.top())
