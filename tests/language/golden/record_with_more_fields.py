from tests.rigs.header import *


class Base(Box):
    def ack(self, row: Row, pin: Pin) -> None:
        row.vector = pin
        row.line = self.waits(row)

    def waits(self, row: Row) -> bool:
        return row.vector is None

    @step(by="guest")
    def go(self, cpu: Cpu, pin: Pin) -> None:
        row = self.rows[cpu]
        require(self.waits(row) or pin == 0)
        self.ack(row, pin)

    @step(by="guest")
    def swap(self) -> None:
        self.rows[0] = self.rows[1]


class NotedRow(Row):
    noted: bool = False
    count: Pin = 0


class Noting(Base):
    rows: Table[Cpu, NotedRow]

    def ack(self, row: NotedRow, pin: Pin) -> None:
        super().ack(row, pin)
        row.noted = not row.noted
        if pin == 1 and row.count < 2:
            row.count += 1


class LastRow(NotedRow):
    last: Pin | None = None


class Toy(Noting):
    rows: Table[Cpu, LastRow]

    def waits(self, row: LastRow) -> bool:
        return super().waits(row) or row.last == row.vector

    def ack(self, row: LastRow, pin: Pin) -> None:
        super().ack(row, pin)
        if row.noted:
            row.last = pin
        else:
            self.rows[1] = LastRow(line=row.line, last=row.last)


@always()
def noted_once(s: Toy, cpu: Cpu) -> bool:
    return not s.rows[cpu].noted or s.rows[cpu].last is not None
