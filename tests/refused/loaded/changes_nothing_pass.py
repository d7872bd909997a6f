from model.designs.base import Base


class Mine(Base):
    pass
