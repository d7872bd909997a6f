from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        def helper() -> bool:
            return True

        self.on = helper()
