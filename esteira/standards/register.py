"""How a standard becomes a pandera check: `pa.Field(cpf=True)`, `pa.Field(cpf="bare")`."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from esteira.errors import ConfigError
from esteira.standards.standard import Form, Standard


def register(standard: Standard) -> None:
    """Make the standard known to pandera under its name; once more changes nothing.

    Not by `pandera.extensions.register_check_method`: it refuses a second import, writes every argument into a failure's name (`cpf(form=True)` where
    a row in quarantine shall say `cpf`), and imports pandera's test strategies, 0.4 s. The registry is the one that it fills.
    """
    pandera.Check.REGISTERED_CUSTOM_CHECKS[standard.name] = partial(_check, standard)


def _check(standard: Standard, form: Form, **options: Any) -> Any:
    """What `pa.Field` makes of the keyword: one check of the column."""
    if form not in standard.forms:
        raise ConfigError(
            f"{standard.name}={form!r} is none of {', '.join(repr(known) for known in standard.forms)}.",
            hint="True takes every form of the standard; leave the argument out where none is demanded.",
        )
    rule = standard.name if form is True else f"{standard.name}({form})"
    return pandera.Check(partial(_are_good, standard, form), name=standard.name, error=rule, **options)


def _are_good(standard: Standard, form: Form, series: pd.Series[Any]) -> pd.Series[bool]:
    values = pa.array(series, from_pandas=True)
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return pd.Series(standard.find_good(whole, form), index=series.index)
