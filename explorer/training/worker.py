"""What a worker process does with a race. It knows a folder, nothing of the server."""

import os
import threading
import time
from pathlib import Path

NICENESS = 10
"""A click in the app goes before training."""

ALONE_SECONDS = 2.0
"""How often a worker looks whether its server is still there."""


def prepare() -> None:
    """Gives way to the server, and loads what the first race would wait for."""
    import torch

    import explorer.training.run  # noqa: F401

    if os.nice(0) < NICENESS:
        os.nice(NICENESS - os.nice(0))
    torch.set_num_threads(1)


def leave_with(server: int) -> None:
    """Ends this worker once the process that made it is gone, however that ended: nobody else would."""

    def watch() -> None:
        while os.getppid() == server:
            time.sleep(ALONE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def work(folder: str) -> None:
    """Carries out the race of a folder, from where it was left."""
    from explorer.training.folder import FolderChannel, race_in
    from explorer.training.run import Carried

    prepare()
    Carried(race_in(Path(folder)), FolderChannel(Path(folder))).run()
