from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def find(self) -> None:
        found: Pin | None = None
        for pin, line in self.lines.items():
            if not line:
                found = pin
        if found is not None:
            self.lines[found] = True
        self.slot = found
