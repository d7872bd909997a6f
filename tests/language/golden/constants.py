from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def top(self) -> None:
        self.pin = self.HIGH if self.pin == LIMIT else LIMIT
