"""The history as the service sees it: whichever storage keeps it, with its health watched."""
