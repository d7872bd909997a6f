import functools

from tests.rigs.header import *


class Toy(Box):
    @functools.cache
    def top(self) -> bool:
        return self.on

    @functools.wraps(top)
    @step(by="guest")
    def go(self) -> None:
        require(self.on)
