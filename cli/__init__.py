"""The `esteira` command: hands of engineers and ops. It may import every room and is imported by none."""
