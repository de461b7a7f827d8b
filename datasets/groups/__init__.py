"""One file per group of datasets that analysts read together. A file's name is the group's name; `GROUP` in it is the group."""
