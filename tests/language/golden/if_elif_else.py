from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def turn(self) -> None:
        if self.kind == Trigger.EDGE:
            self.kind = Trigger.LEVEL
        elif self.on:
            self.kind = Trigger.OFF
        else:
            self.on = True
