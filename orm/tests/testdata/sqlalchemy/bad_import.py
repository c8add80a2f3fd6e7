from sqlalchemy.orm import declarative_base

Base = declarative_base()
print(1 / 0)
