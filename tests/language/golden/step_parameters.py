from tests.rigs.header import *


class Toy(Box):
    @step(by="guest", fair=Fair.STRONG)
    def write(self, pin: Pin, on: bool, kind: Trigger) -> None:
        require(on or kind == Trigger.EDGE)
        self.lines[pin] = on
        self.kind = kind
