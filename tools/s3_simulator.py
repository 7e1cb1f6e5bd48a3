"""An S3 on the loopback interface for S3aSuite: moto's, one request at a time, so that a put on condition is atomic.

Prints its port, and ends when its standard input does.
"""

import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, *_args):
        pass


def end_with_input():
    """Ends the process when whoever started it is gone."""
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=False, request_handler=Quiet)
    print(server.server_port, flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
