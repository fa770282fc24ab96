"""Serves a folder of photos on loopback, for calls that name a picture by address."""

import http.server
import threading


def serve(folder):
    """Starts serving and returns the address of the folder, without a slash at its end."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    shelf = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=shelf.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{shelf.server_port}"
