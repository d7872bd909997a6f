from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        count = 0
        for line in self.lines.values():
            if line:
                count += 1
        self.pin = count
