"""A child that does what its first argument says."""

import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Sequence

from advisor.child_process.child import Messages, die_with_parent


def main(arguments: Sequence[str]) -> None:
    messages = Messages()
    match arguments[0]:
        case "echo":
            print("a library prints")
            messages.send({"pid": os.getpid(), "cap": os.environ.get("SIZER_TEST_CAP"), "home": os.environ.get("HOME")})
            messages.send({"line": sys.stdin.readline().strip()})
        case "crash":
            ctypes.string_at(0)
        case "exit":
            sys.stderr.write("first line\nthe reason " + "x" * 1000 + " stands here\n")
            sys.stderr.flush()
            os._exit(3)
        case "orphan":
            die_with_parent(int(arguments[1]))
            messages.send({"pid": os.getpid()})
            time.sleep(3600)
        case "family" | "abandon":
            child = os.fork()
            if child == 0:
                time.sleep(3600)
            messages.send({"pid": child})
            if arguments[0] == "abandon":
                os._exit(0)
            time.sleep(3600)
        case "scratch":
            handle, path = tempfile.mkstemp()
            os.write(handle, b"a copy of a model")
            messages.send({"wrote": path})
            time.sleep(3600)
