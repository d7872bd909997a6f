from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        match self.kind:
            case Trigger.EDGE:
                self.on = True
