from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        try:
            self.on = True
        except ValueError:
            pass
