"""What people have declared: contracts, groups of them and BI assets, from the Python files of a folder.

`definitions` reads a file, `contracts` and `assets` a folder of them, `order` checks contracts against each other.
"""

from esteira.catalogue.contracts import active, find_dataset, load_catalogue, load_groups, of_cadence
from esteira.catalogue.order import in_order

__all__ = ["active", "find_dataset", "in_order", "load_catalogue", "load_groups", "of_cadence"]
