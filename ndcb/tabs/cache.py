"""Where the page's files lie, and the promise that a visitor's do not stay there.

Gradio deletes the files that went through its components. Those of a visitor who left in the middle of a run did not; so everything in
the folder that is older than it may be goes, whoever wrote it.
"""

import atexit
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path


def private_folder() -> Path:
    """A folder of this process alone, as Gradio's cache from now on; it is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="ndcb-", dir=os.environ.get("GRADIO_TEMP_DIR"))).resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def files(folder: Path) -> set[Path]:
    """Every file in it. A folder that vanishes meanwhile is passed over, as os.walk does; rglob would raise."""
    return {Path(place) / name for place, _, names in os.walk(folder) for name in names}


def keep_sweeping(folder: Path, age: float, every: float) -> None:
    """From now on delete what is written to the folder, `age` seconds after; what is there already is the page's own and stays."""
    own = files(folder)

    def sweep() -> None:
        while True:
            time.sleep(every)
            for path in files(folder) - own:
                try:
                    if time.time() - path.stat().st_ctime > age:
                        path.unlink()
                except FileNotFoundError:
                    pass

    threading.Thread(target=sweep, daemon=True).start()
