from sqlalchemy import MetaData

metadata = MetaData()
other = 7
