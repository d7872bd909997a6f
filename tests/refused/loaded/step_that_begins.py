from model.designs.base import Base
from model.lang import Fair, step


class Mine(Base):
    @step(by="KVM", fair=Fair.WEAK)
    def initial(self) -> None:
        self.delayed_ioapic_service = True
