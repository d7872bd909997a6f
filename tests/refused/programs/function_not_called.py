from tests.rigs.header import *


class Toy(Box):
    def wanted(self) -> bool:
        return self.on

    @step(by="guest")
    def go(self) -> None:
        require(self.wanted)
