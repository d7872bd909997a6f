from tests.rigs.header import *


class Toy(Box):
    ready: bool

    @step(by="guest")
    def ready(self) -> None:
        self.on = True
