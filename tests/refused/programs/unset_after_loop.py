from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        for pin, line in self.lines.items():
            if line:
                break
        self.pin = pin
