from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.on = True


@always()
def has_slot(s: Toy) -> bool:
    """An optional."""
    return s.slot
