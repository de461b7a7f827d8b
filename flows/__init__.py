"""When things happen: the order of steps. No I/O of its own.

What is imported from here on makes hundreds of thousands of objects that stay. By default the collector would look at all of them several times meanwhile,
a tenth of a second each.
"""

import gc

gc.set_threshold(10_000, 20, 20)
