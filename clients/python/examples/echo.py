"""Two processes talk: one sends text through shared memory, the other one answers in upper case.

    python3 clients/python/examples/echo.py

Question and answer are two data segments, each with one writer. Both readers are lossless: no message is missed, and none is
overwritten before it was read. Each answer carries a reference to its question. If one side is killed, the other one gets
WriterDied at once, or Timeout: nobody waits for ever.
"""
import os
import sys
from multiprocessing import Process

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # the client, if it is not installed
import framebridge


def shout():
    """The other process. It could be a program in another language: all it knows are the two names."""
    with framebridge.open("example.question", "lossless", wait=10) as questions:
        with framebridge.create("example.answer", pixel_format="data") as answers:
            for question in questions:  # ends when the other side closes
                text = bytes(question.payload).decode()
                answers.publish(text.upper().encode(), reference=question)


def main():
    other = Process(target=shout, daemon=True)
    other.start()
    with framebridge.create("example.question", pixel_format="data") as questions:
        with framebridge.open("example.answer", "lossless", wait=10) as answers:
            for text in "hello", "shared memory", "straße":
                number = questions.publish(text.encode())
                answer = answers.next(timeout=10)
                print(f"{number}: {text} -> {bytes(answer.payload).decode()} (an answer to {answer.reference.frame})")
    other.join(10)


if __name__ == "__main__":
    main()
