"""One contract file per table. A file's name is the dataset's name; `DATASET` in it is the contract."""
