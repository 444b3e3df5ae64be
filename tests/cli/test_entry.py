"""Ctrl-C while the command line is still loading."""

import subprocess
import sys

HOLD = """
import os, signal, sys
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "advisor.cli.main":  # as if Ctrl-C were pressed right now
            os.kill(os.getpid(), signal.{number})
sys.meta_path.insert(0, Slow())
sys.argv = ["sizer", "--version"]
from advisor.cli.entry import main
main()
"""


def ended(number: str, *before: str) -> "subprocess.CompletedProcess[str]":
    command = [*before, sys.executable, "-c", HOLD.format(number=number)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_ctrl_c_while_loading_ends_with_one_line_and_the_code_of_what_was_interrupted() -> None:
    done = ended("SIGINT")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "sizer: interrupted\n")


def test_an_ignored_ctrl_c_stays_ignored_while_loading() -> None:
    done = ended("SIGINT", "sh", "-c", "trap '' INT; exec \"$@\"", "sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert "version" in done.stdout


def test_ctrl_c_reaches_a_command_as_before_once_all_is_loaded() -> None:
    program = (
        "import os, signal, sys, advisor.cli.main as loaded\n"
        "loaded.main = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "from advisor.cli.entry import main\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (3, "sizer: interrupted\n")
