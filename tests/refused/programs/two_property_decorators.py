from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.on = True


@always()
@always()
def fine(s: Toy) -> bool:
    """Twice a property."""
    return s.on
