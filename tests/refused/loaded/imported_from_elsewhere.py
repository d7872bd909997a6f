from model.kvm import Base


class Mine(Base):
    pass
