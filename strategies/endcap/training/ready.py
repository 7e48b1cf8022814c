"""What training needs beside the tables, looked at before the minutes of work that would be lost without it."""

from __future__ import annotations

from endcap.training.config import ShopConfig
from endcap.training.errors import ConfigError


def check_text_model(config: ShopConfig) -> None:
    """Raises ConfigError, which names the key, where ``text.model`` is not there or cannot be used."""
    from endcap.training.text.folder import ModelError, find_model

    try:
        find_model(config.text.model)  # at once; what follows takes seconds to import
        from endcap.training.text.model import check_model

        check_model(config.text.model)
    except ModelError as error:
        raise ConfigError(f"text.model in shop.toml: {error}") from error
