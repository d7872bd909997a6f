from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, größe: Pin) -> None:
        require(größe in self.ir)
