"""When things happen: the order of steps. No I/O of its own.

What is imported from here on makes hundreds of thousands of objects that stay. By default the collector would look at all of them several times meanwhile,
a tenth of a second each; and once more when the process ends, half a second for memory that the system takes back anyway.
"""

import atexit
import gc

gc.set_threshold(10_000, 20, 20)


@atexit.register
def _leave_objects_to_the_system() -> None:
    gc.disable()
    gc.freeze()
