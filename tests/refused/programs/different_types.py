from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.pin = 1 if self.on else Trigger.EDGE
