from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.on = True


@always()
def fine(pin: Pin) -> bool:
    """No system."""
    return pin > 0
