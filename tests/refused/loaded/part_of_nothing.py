from model.machine import Machine


class Mine(Machine):
    def initial(self) -> None:
        self.apic[0].created = True
