"""
Settings: flag > ``XRAYLAB_*`` > ``config.toml`` in the home > default.

- always read through ``load_settings()``, never kept in a module global
- the home holds everything XRayLab writes; by default it is the platform's folder for user data
"""

import os
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def _default_home() -> Path:
    return user_data_path("xraylab", appauthor=False)


class Settings(BaseSettings):
    """Where XRayLab keeps its files and how much of the machine it may use."""

    model_config = SettingsConfigDict(env_prefix="XRAYLAB_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=_default_home)
    threads: int = Field(default=0, ge=0, description="Processor threads; 0 takes every core.")
    device: str = Field(default="auto", pattern="^(auto|cpu|cuda|mps)$")

    @classmethod
    def settings_customise_sources(  # noqa: D102
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = Path(os.environ.get("XRAYLAB_HOME") or _default_home())
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "config.toml")

    @property
    def database(self) -> Path:
        """The SQLite file of the run table."""
        return self.home / "xraylab.db"

    @property
    def datasets(self) -> Path:
        """The folder of imported datasets."""
        return self.home / "datasets"

    @property
    def models(self) -> Path:
        """The folder of trained models and of locks on shipped ones."""
        return self.home / "models"

    @property
    def runs(self) -> Path:
        """The folder of runs."""
        return self.home / "runs"

    @property
    def weights(self) -> Path:
        """The folder where pretrained weights are looked for."""
        return self.home / "weights"

    @property
    def logs(self) -> Path:
        """The folder of rotating logs."""
        return self.home / "logs"


def load_settings(*, home: Path | None = None) -> Settings:
    """Read the settings as they are now; ``home`` overrides every other source."""
    return Settings() if home is None else Settings(home=home)
