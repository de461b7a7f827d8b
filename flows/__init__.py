"""When things happen: the order of steps. No I/O of its own."""
