"""The lab of half-written answers: the instance that holds them is killed, and each must end in the log, once."""
