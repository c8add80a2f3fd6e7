import sqlalchemy as sa
from sqlalchemy.orm import declarative_base

# A convention of one's own takes SQLAlchemy's for indexes away.
Base = declarative_base(metadata=sa.MetaData(naming_convention={"uq": "uq_%(table_name)s_%(column_0_name)s"}))


class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.Integer, primary_key=True)
    note = sa.Column(sa.Text, index=True)
