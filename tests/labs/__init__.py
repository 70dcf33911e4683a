"""The labs: programs that break a service, or ask much of it, and judge what its clients saw. `make lab` lists them.

Each is a package that imports `kit`, and no other lab. Most run the shipped command as a black box; only what is named
`bugs.py` and `serve.py` imports the product, and runs in the service's process."""
