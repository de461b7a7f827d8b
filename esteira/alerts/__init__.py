"""What people are told: the words of a message, when a batch is slow or nearly refused, silences. Plain values; it sends nothing."""
