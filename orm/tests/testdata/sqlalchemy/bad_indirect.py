from bad_import import Base
