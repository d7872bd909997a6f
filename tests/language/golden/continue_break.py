from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def first_free(self) -> None:
        for pin, line in self.lines.items():
            if line:
                continue
            self.lines[pin] = True
            if pin == self.pin:
                break
            self.pin = pin
