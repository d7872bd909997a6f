from tests.rigs.header import *


class Toy(Box):
    def top(self) -> bool:
        self.on = True
        return self.on

    @step(by="guest")
    def go(self) -> None:
        require(self.top())
