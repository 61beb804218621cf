"""A status board: each process keeps its own record up to date, a monitor shows all of them and sees who is alive.

    python3 clients/python/examples/statusboard.py

Each worker is the writer of one data segment, so there is no lock to be left behind by the one that is killed here: its record
stays readable, the monitor learns of its death, and its successor goes on where it was. This is what Value, Array,
ShareableList and a Manager's Namespace are used for, without a server process. In another terminal: framebridge ls
"""
import os
import sys
import time
from contextlib import ExitStack, suppress
from multiprocessing import Process

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # the client, if it is not installed
import framebridge

WORKERS = {"anna": 4, "ben": 300, "cleo": 8}  # name: steps of work
PREFIX = "example.status."


def work(name, steps):
    """A worker. It begins after the last step that its record has, whoever wrote that."""
    begin = framebridge.get_json(PREFIX + name, {"done": 0})["done"]
    with framebridge.create(PREFIX + name, pixel_format="data", slots=2, keep=True) as board:
        for done in range(begin, steps + 1):
            board.put(None, {"pid": os.getpid(), "done": done, "of": steps})
            time.sleep(0.03)  # the work


def look(segment, line):
    """Bring one line of the board up to date."""
    try:
        record = segment.next(timeout=0.02)
        if record:
            line.update(record.json())
        else:
            line["state"] = "finished"
    except framebridge.Timeout:
        pass  # it lives, and has no news
    except framebridge.WriterDied:
        line["state"] = "DIED"


def show(board):
    print(" | ".join(f"{name} {line['done']}/{line['of']} {line['state']}" for name, line in board.items()), flush=True)


def monitor(workers):
    """Show every change until all workers are over. The second one is killed on the way."""
    board, shown = {name: {"state": "working", "done": 0, "of": "?"} for name in WORKERS}, None
    with ExitStack() as stack:
        segments = {name: stack.enter_context(framebridge.open(PREFIX + name, wait=10)) for name in WORKERS}
        while any(line["state"] == "working" for line in board.values()):
            for name, segment in segments.items():
                if board[name]["state"] == "working":
                    look(segment, board[name])
            if str(board) != shown:
                shown = str(board)
                show(board)
            if board["ben"]["done"] >= 3:
                workers["ben"].kill()


def main():
    workers = {name: Process(target=work, args=(name, steps), daemon=True) for name, steps in WORKERS.items()}
    try:
        for worker in workers.values():
            worker.start()
        monitor(workers)
        done = framebridge.get_json(PREFIX + "ben")["done"]
        successor = Process(target=work, args=("ben", done + 2))
        successor.start()
        successor.join()
        record = framebridge.get_json(PREFIX + "ben")  # kept: also without any writer
        print(f"ben died after step {done}, another process went on to step {record['done']}")
    finally:
        for name, worker in workers.items():
            worker.kill()
            worker.join()
            with suppress(framebridge.NotFound):
                framebridge.remove(PREFIX + name)


if __name__ == "__main__":
    main()
