"""`python -m umbral_chat` is the command `umbral-chat`."""

from umbral_chat._core.cli import main

if __name__ == "__main__":
    main()
