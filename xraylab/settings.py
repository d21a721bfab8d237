"""
Settings: flag > ``XRAYLAB_*`` > ``config.toml`` in the home folder > default.

- always read by ``load_settings()``, never kept in a module global
- an empty variable counts as not set, and a path may start with ``~``
- the home folder holds everything that XRayLab keeps; by default it is the platform's folder for user data
- models that come with the package lie beside this module, and nothing is ever written there
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from xraylab.errors import SettingsError

STARTER = Path(__file__).parent / "starter"  # a constant, so that tests can replace the models


# A model in the home that has the name of a shipped one is listed with this mark; a plain name has no @.
OF_HOME = "@home"


def shipped_models() -> Path:
    """Return the folder of the models that come with the package; it may be missing."""
    return STARTER


def _default_home() -> Path:
    return user_data_path("xraylab", appauthor=False)


class Settings(BaseSettings):
    """Folder of XRayLab's files, and the part of the machine that it may use."""

    model_config = SettingsConfigDict(
        env_prefix="XRAYLAB_", env_ignore_empty=True, frozen=True, extra="ignore", validate_default=True
    )

    home: Path = Field(default_factory=_default_home)
    threads: int = Field(default=0, ge=0, description="Processor threads; 0 takes every core.")
    device: str = Field(default="auto", pattern="^(auto|cpu|cuda|mps)$")
    backend: str = Field(
        default="fp32",
        pattern="^(fp32|compile|openvino)$",
        description="Backend that scores films for models trained from now on; a model keeps its backend.",
    )
    allow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses under which other machines may open the app; without any, none can.",
    )

    @field_validator("allow_hosts", mode="before")
    @classmethod
    def _split(cls, hosts: object) -> object:
        """Split the text of a variable at commas and spaces; a list of the file stays as it is."""
        return hosts.replace(",", " ").split() if isinstance(hosts, str) else hosts

    account: str = Field(
        default="",
        max_length=64,
        description="Name of the account in the trail; by default that of the system. Never a patient's.",
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        """Make the path absolute, because a worker starts in another folder."""
        return home.expanduser().absolute()

    @classmethod
    def settings_customise_sources(  # noqa: D102
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = init_settings().get("home") or os.environ.get("XRAYLAB_HOME") or _default_home()
        config = TomlConfigSettingsSource(settings_cls, Path(given).expanduser() / "config.toml")
        return init_settings, env_settings, config

    @property
    def database(self) -> Path:
        """SQLite file of the run table and the case log."""
        return self.home / "xraylab.db"

    @property
    def datasets(self) -> Path:
        """Folder of imported datasets."""
        return self.home / "datasets"

    @property
    def models(self) -> Path:
        """Folder of trained models, and of locks on shipped models."""
        return self.home / "models"

    @property
    def runs(self) -> Path:
        """Folder of runs."""
        return self.home / "runs"

    @property
    def cases(self) -> Path:
        """Folder of films that a reader asked to keep."""
        return self.home / "cases"

    @property
    def weights(self) -> Path:
        """Folder of pretrained weights."""
        return self.home / "weights"

    @property
    def fetched(self) -> Path:
        """Folder of public datasets that a person had fetched."""
        return self.home / "fetched"

    @property
    def trash(self) -> Path:
        """Folder of what was deleted in the last day."""
        return self.home / "trash"

    @property
    def cache(self) -> Path:
        """Folder of data that can be computed again; it may be deleted at any time."""
        return self.home / "cache"

    @property
    def logs(self) -> Path:
        """Folder of rotating logs."""
        return self.home / "logs"


def load_settings(*, home: Path | None = None) -> Settings:
    """Read the settings as they are now.

    Parameters
    ----------
    home : Path, optional
        Home folder; it overrides every other source.

    Raises
    ------
    SettingsError
        If ``config.toml`` can't be read, or a setting has an invalid value.
    """
    try:
        return Settings() if home is None else Settings(home=home)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"config.toml in the home folder is not valid TOML: {error}.") from error
    except PermissionError as error:
        raise SettingsError(
            f"{error.filename} can't be read. Give XRayLab permission to read it, or remove it."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"{error.filename} can't be read: {error.strerror}. Check the drive, or choose another folder "
            "with XRAYLAB_HOME."
        ) from error
    except RuntimeError as error:  # ``~name`` of an account that doesn't exist
        raise SettingsError(
            f"The home can't be “{home or os.environ.get('XRAYLAB_HOME')}”, because this machine has no such "
            "account. Give a whole path in XRAYLAB_HOME."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting “{name}” can't be {first['input']!r}: {first['msg']}. Correct it in "
            f"XRAYLAB_{name.upper()} or in config.toml in the home folder."
        ) from error
