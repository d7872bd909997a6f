from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def change(self, kind: Trigger) -> None:
        self.on = kind != Trigger.LEVEL and self.kind == kind
        self.kind = kind
