"""The page: python app.py, then http://127.0.0.1:7860 (GRADIO_SERVER_PORT chooses another port)."""

import signal
import sys
import threading

from ndcb.web import environment

environment.prepare()  # before Gradio, which reads it as it is imported

from ndcb.models.pipeline import Models, pick_device
from ndcb.web import private_files
from ndcb.web.page import LAUNCH, build, warm_up


def main() -> None:
    port = environment.chosen_port()
    models = Models(pick_device("auto"))

    folder = private_files.private_folder()
    page = build(models)
    private_files.set_own(folder)
    private_files.keep_sweeping(folder, age=900, every=60)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the folder is removed then too

    try:
        page.launch(**LAUNCH, server_port=port, prevent_thread_lock=True)
    except OSError as error:
        no_port = "empty port" in str(error)  # Gradio's words
        sys.exit(environment.NO_PORT if no_port else f"The page cannot be served ({error}).")

    threading.Thread(target=warm_up, args=(models,), daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
