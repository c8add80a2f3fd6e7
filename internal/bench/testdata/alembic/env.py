import os
import sys

import sqlalchemy as sa
from alembic import context

sys.path.insert(0, os.path.dirname(__file__))
from models import metadata  # noqa: E402

with sa.create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
