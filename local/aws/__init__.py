"""The laptop's AWS: ministack with its policies switched on, and the bootstrap that deploys `infra/` into it."""
