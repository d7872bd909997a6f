from tests.rigs.header import *

MOST = 2**30


class Toy(Box):
    many: Annotated[int, Index(2**30)] = 2**30 - 1
    maybe: Annotated[int, Index(2**30)] | None = 2**30 - 1

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        require(self.many - MOST < 0 and self.many + 1 > MOST - 4)
        last = self.maybe
        self.on = last is None or last == MOST - 1
        self.maybe = self.many if last is None else None
        self.many = self.many - pin

    @step(by="guest")
    def up(self) -> None:
        require(not self.on and self.many < MOST - 1)
        self.many += 1
