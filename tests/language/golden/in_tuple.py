from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def next(self, kind: Trigger) -> None:
        require(kind not in (self.kind, Trigger.OFF))
        self.kind = kind
        self.on = self.slot in (0, 2)
        self.slot = 2
