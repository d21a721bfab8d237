"""Databases as earlier versions of XRayLab left them."""

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from xraylab import database
from xraylab.settings import Settings

CASE_OF_0002 = (
    "INSERT INTO kept_case (model, model_sha256, score, decision, warnings, overridden, synthetic, note, "
    "pixels_kept, made_at, changed_at) "
    "VALUES ('cnn', 'ab', 0.5, 'positive', '[]', 0, 0, '{note}', 0, 1e9, 1e9)"
)

ENTRY_OF_0002 = (
    "INSERT INTO case_trail (case_number, actor, action, changed, at) "
    "VALUES ({case}, 'app', '{action}', 'x', {at})"
)

CASE_OF_0004 = (
    "INSERT INTO kept_case (number, model, model_sha256, score, decision, threshold, warnings, overridden, "
    "synthetic, call, note, pixels_kept, made_at, changed_at) "
    "VALUES (1, 'cnn', 'ab', 0.5, 'positive', 0.4, '[]', 0, 0, 'pneumonia', 'seen', 0, 1e9, 1e9)"
)
FINDING_OF_0004 = "INSERT INTO case_finding (number, finding) VALUES (1, 'tuberculosis')"


def make(settings: Settings, revision: str, *statements: str) -> None:
    """Make the database of a home at a revision, and run statements on it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(database._MIGRATIONS))
    engine = create_engine(f"sqlite:///{settings.database}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
