"""Frames between processes, Python and Go in every pair: none missing, none torn, whoever is killed."""
import hashlib
import os
import signal
import sys
import time
import unittest

from testcase import HERE, SECONDS, Case, framebridge, needs

FORMATS = "rgba", "bgra", "rgb24", "bgr24", "gray8", "yuv420p", "nv12", "data"


@needs("testwriter", "testreader", "framebridge")
class WithGo(Case):
    def test_python_reads_every_frame_of_go(self):
        for form in FORMATS:
            with self.subTest(format=form):
                writer = self.go("testwriter", "seg", 100, 0, 3, form)
                reader = self.peer("read", "seg", "--mode", "lossless")
                self.ended(reader)
                self.ended(writer)
                self.assertEqual(self.lines(reader), self.lines(writer))
                self.assertEqual(len(self.lines(reader)), 100)

    def test_go_reads_every_frame_of_python(self):
        for form in FORMATS:
            with self.subTest(format=form):
                writer = self.peer("write", "seg", 100, 0, "--slots", 3, "--format", form)
                reader = self.go("testreader", "seg")
                self.ended(reader)
                self.ended(writer)
                self.assertEqual(self.lines(reader), self.lines(writer))
                self.assertEqual(len(self.lines(reader)), 100)

    def test_meta_and_reference_arrive_in_go(self):
        with framebridge.create("pic", 8, 8, "gray8", time_base="1/30") as pictures, framebridge.open("pic") as seg:
            pictures.publish(bytes(64), pts=7)
            picture = seg.next()
            with framebridge.results("boxes", linger=0) as w:
                reader = self.go("testreader", "-meta", "boxes")
                w.await_readers(1, 20)
                w.put(picture, {"boxes": []}, meta={"a": 1})
                self.until(lambda: self.lines(reader))
            self.ended(reader)
            low = int.from_bytes(bytes.fromhex(picture.generation[:16]), "little")
            self.assertIn(f'{{"a":1}} {{true 0 {low} 7}}', self.lines(reader)[0])
            pictures.abort()

    def test_go_follows_nothing_of_python_by_mistake(self):
        """framebridge info and dump agree with the writer."""
        with framebridge.create("seg", 64, 36, "bgr24", rate="30000/1001", linger=0) as w:
            with w.frame() as f:
                f.payload[:] = b"\1" * 6912
                f.pts = 0
            info = self.go("framebridge", "info", "seg")
            self.ended(info)
            for line in "state +live", r"format +bgr24 64x36", "rate +29.97003 frames a second, time base 1001/30000", "layout +1.0":
                self.assertRegex(self.text(info.out), line)
            w.set_source("failed", "the cable é")
            info = self.go("framebridge", "info", "seg", "--json")
            self.ended(info)
            self.assertRegex(self.text(info.out), "the cable é")

    def test_go_and_python_change_one_configuration(self):
        """Each its own key: no change is lost."""
        for i in range(10):
            setting = self.go("framebridge", "config", "set", "cfg", f"go={i}")
            for j in range(5):
                framebridge.update("cfg", lambda old: framebridge._to_json({**(framebridge._from_json(old, "cfg") if old else {}), "python": 5 * i + j}))
            self.ended(setting)
        self.assertEqual(framebridge.get_json("cfg"), {"go": 9, "python": 49})
        with framebridge.open("cfg") as seg:
            self.assertEqual(seg.next().number, 59)
        get = self.go("framebridge", "config", "get", "cfg", "python")
        self.ended(get)
        self.assertIn("49", self.text(get.out))

    def test_newest(self):
        """With a move on the way, and without."""
        pairs = [(self.go("testwriter", f"seg{move}", 200, 200, MOVE=move), self.peer("read", f"seg{move}")) for move in "01"]
        for (writer, reader), generations in zip(pairs, (1, 2)):
            with self.subTest(generations=generations):
                self.ended(reader)
                self.ended(writer)
                got, written = self.lines(reader), self.lines(writer)
                self.assertGreater(len(got), 20)
                kept = set(got)
                self.assertEqual(got, [line for line in written if line in kept])  # known lines only, in order, none twice
                self.assertEqual(got[-1], written[-1])
                self.assertEqual(len({line.split()[0] for line in got}), generations)

    def test_lossless_follows_a_move(self):
        writer = self.go("testwriter", "seg", 200, 0, MOVE="1")
        reader = self.peer("read", "seg", "--mode", "lossless")
        self.ended(reader)
        self.ended(writer)
        self.assertEqual(self.lines(reader), self.lines(writer))
        self.assertEqual(len({line.split()[0] for line in self.lines(reader)}), 2)

    def test_both_at_full_speed(self):
        writer = self.go("testwriter", "seg", 1000, 0, 2, MOVE="1")
        readers = [self.peer("read", "seg"), self.peer("read", "seg", "--mode", "lossless"), self.peer("read", "seg", "--mode", "lossless")]
        for process in *readers, writer:
            self.ended(process)
        written = self.lines(writer)
        for reader in readers[1:]:  # the second may join late, but from there on it has everything
            self.assertEqual(self.lines(reader), written[-len(self.lines(reader)):])
        self.assertLessEqual(set(self.lines(readers[0])), set(written))

    def test_the_writer_spares_pinned_slots(self):
        with framebridge.create("seg", 64, 36, slots=4, linger=0) as w:
            readers = [self.go("testreader", "-mode", "pinned", "-pause", "30ms", "seg") for _ in range(2)]
            w.await_readers(2, 30)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                w.publish(bytes([w.next_number & 255]) * 9216, pts=w.next_number)
            self.assertEqual(w._data.get(framebridge._Dyn.Broken), 0)
            self.assertGreater(w.next_number, 200)
        for reader in readers:
            self.ended(reader)
            self.assertGreater(len(self.lines(reader)), 5)
            for line in self.lines(reader):
                fields = line.split()
                self.assertEqual(fields[8], hashlib.md5(bytes([int(fields[1]) & 255]) * 9216).hexdigest())

    def test_pins_are_broken_when_there_is_no_other_slot(self):
        with framebridge.create("seg", 64, 36, slots=2, linger=0) as w:
            w.publish(bytes(9216))
            reader = self.go("testreader", "-mode", "pinned", "-pause", "400ms", "seg")
            w.await_readers(1, 20)
            self.until(lambda: any(self.word(128 + 16 + 8 * j, "<Q", self.control()) for j in range(6)))
            for _ in range(3):
                w.publish(bytes(9216))
            self.assertGreaterEqual(w._data.get(framebridge._Dyn.Broken), 1)
        self.ended(reader)

    def test_a_go_reader_that_stands_still_is_evicted(self):
        with framebridge.create("seg", 64, 36, slots=2, lossless="evict", evict_after=0.3, linger=0) as w:
            reader = self.go("testreader", "seg")
            w.await_readers(1, 20)
            for i in range(5):
                w.publish(bytes([i]) * 9216, pts=i)
            self.until(lambda: len(self.lines(reader)) == 5)
            os.kill(reader.pid, signal.SIGSTOP)
            self.until(lambda: self.stopped(reader.pid))
            for i in range(5, 20):
                w.publish(bytes([i]) * 9216, pts=i, timeout=10)
            os.kill(reader.pid, signal.SIGCONT)
            self.assertEqual(w._data.get(framebridge._Dyn.Evicted), 1)
            self.ended(reader, 4)

    def stopped(self, pid):
        """Are all threads of the process? The signal says so to them one after the other."""
        states = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat") as file:
                states.append(file.read().rsplit(")", 1)[1].split()[0])
        return set(states) == {"T"}

    def test_a_go_reader_that_leaves_holds_nobody(self):
        with framebridge.create("seg", 64, 36, slots=2, linger=0) as w:
            for stop in signal.SIGINT, signal.SIGKILL:
                with self.subTest(stop=stop):
                    reader = self.go("testreader", "seg")
                    before = w.next_number
                    self.until(lambda: w.publish(bytes(9216), timeout=10) is not None and self.lines(reader))
                    reader.send_signal(stop)
                    reader.wait(20)
                    for _ in range(10):
                        w.publish(bytes(9216), timeout=10)
                    self.assertGreater(w.next_number, before + 10)

    def test_the_python_writer_is_killed(self):
        for mode in "lossless", "newest", "pinned":
            with self.subTest(mode=mode):
                writer = self.peer("write", "seg", 100000, 200)
                reader = self.go("testreader", "-mode", mode, "seg")
                self.printed(reader, 10)
                writer.kill()
                writer.wait()
                self.ended(reader, 3)
                self.assertLessEqual(set(self.lines(reader)), set(self.lines(writer)) | {self.lines(reader)[-1]})
                os.unlink(self.path())

    def test_take_over_both_ways(self):
        """Numbers go on over writers that were killed, Go after Python after Go, and a follower gets them all in order."""
        numbers, generations = [], []
        follower = None
        for language in "go", "python", "go", "python":
            writer = self.go("testwriter", "seg", 100000, 100) if language == "go" else self.peer("write", "seg", 100000, 100)
            follower = follower or framebridge.open("seg", wait=30, follow=True)
            self.printed(writer, 5)
            numbers.append(int(self.lines(writer)[0].split()[1]))
            generations.append(self.lines(writer)[0].split()[0])
            self.until(lambda: follower.next(10).generation == generations[-1])
            writer.kill()
            writer.wait()
        with follower:
            self.assertEqual(numbers, sorted(set(numbers)))
            self.assertGreater(numbers[-1], 14)
            self.assertEqual(follower.stats.generations, 4)
        self.assertEqual(len([name for name in os.listdir(self.dir) if name.startswith(".seg")]), 1, os.listdir(self.dir))

    def test_gc_leaves_nothing_of_the_killed_and_everything_of_the_living(self):
        self.abandoned()
        framebridge.put_json("kept", {"a": 1})
        with framebridge.create("live", 8, 8, linger=0):
            self.ended(self.go("framebridge", "gc"))
            self.assertEqual(sorted(name for name in os.listdir(self.dir) if name[0] != "."), ["kept", "live"])
        self.ended(self.go("framebridge", "gc"))
        self.assertEqual(len(os.listdir(self.dir)), 2, os.listdir(self.dir))


class Alone(Case):
    """Python and Python."""

    def test_every_frame(self):
        writer = self.peer("write", "seg", 200, 0, "--slots", 2)
        reader = self.peer("read", "seg", "--mode", "lossless")
        self.ended(reader)
        self.ended(writer)
        self.assertEqual(self.lines(reader), self.lines(writer))
        self.assertEqual(os.listdir(self.dir), [])

    def test_nothing_is_torn_at_full_speed(self):
        """Every byte of a frame is that of its number; two slots, so that the writer is always at the reader's heels."""
        code = """if True:
            import sys
            sys.path.insert(0, sys.argv[1])
            import framebridge
            with framebridge.open("seg", wait=20) as seg:
                for frame in seg:
                    payload = bytes(frame.payload)
                    assert payload == payload[:1] * len(payload) and payload[0] == frame.number & 255, frame
                print(seg.stats.delivered, seg.stats.retries + seg.stats.overruns)
        """
        readers = [self.start(sys.executable, "-c", code, HERE) for _ in range(2)]
        with framebridge.create("seg", 320, 180, "gray8", slots=2, linger=0) as w:
            w.await_readers(2, 30)
            contents = [bytes([i]) * (320 * 180) for i in range(256)]
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                w.publish(contents[w.next_number & 255])
        for reader in readers:
            self.ended(reader)
            self.assertGreater(int(self.lines(reader)[0].split()[0]), 50)

    def test_missed_frames_are_counted(self):
        self.peer("write", "seg", 60, 50)
        with framebridge.open("seg", wait=20) as seg:
            got = []
            for frame in seg:
                got.append(frame)
                time.sleep(0.1)
            self.assertIsNone(seg.next())
            self.assertEqual(seg.stats.missed, sum(frame.missed for frame in got))
        for before, frame in zip(got, got[1:]):
            self.assertEqual(frame.missed, frame.number - before.number - 1)
        self.assertGreater(sum(frame.missed for frame in got), 0)
        self.assertEqual((got[-1].number, got[-1].width, got[-1].height, got[-1].pixel_format), (59, 64, 36, "rgba"))
        self.assertEqual(len({frame.payload[7] for frame in got}), len(got))  # kept frames keep their own bytes

    def test_the_writer_is_killed(self):
        for mode in "newest", "lossless":
            with self.subTest(mode=mode):
                writer, reader = self.peer("write", "seg", 100000, 100), self.peer("read", "seg", "--mode", mode)
                self.printed(reader, 10)
                writer.kill()
                writer.wait()
                self.ended(reader, 3)
                os.unlink(self.path())

    def test_a_reader_is_killed(self):
        writer, reader = self.peer("write", "seg", 100, 100, "--slots", 2), self.peer("read", "seg", "--mode", "lossless")
        self.printed(reader, 20)
        reader.kill()
        other = self.peer("read", "seg", "--mode", "lossless")
        self.ended(writer)
        self.ended(other)
        self.assertEqual(len(self.lines(writer)), 100)
        self.assertEqual(self.lines(other), self.lines(writer)[-len(self.lines(other)):])

    def test_a_writer_that_fails_ends_in_order_and_says_so(self):
        writer = self.peer("write", "seg", 5, 0, "--fail", "no more light")
        reader = self.peer("read", "seg", "--mode", "lossless")
        self.ended(reader)
        self.ended(writer, 1)
        self.assertEqual(self.lines(reader)[-1], "source failed: RuntimeError: no more light")
        self.assertEqual(os.listdir(self.dir), [])

    def test_without_standard_descriptors(self):
        """What a process prints that was started without 0 to 2 lands in no segment."""
        code = """if True:
            import os, sys
            sys.path.insert(0, sys.argv[1])
            import framebridge
            with framebridge.create("out", 64, 36) as w, framebridge.open("seg", "lossless", wait=20, hold=1) as frames:
                for frame in frames:
                    w.publish(frame.payload)
                    for fd in range(3):
                        try: os.write(fd, b"[info] profile High")
                        except OSError: pass
                os._exit(42 if frame.number == 19 and bytes(frame.payload) == bytes(framebridge.open("out").next().payload) else 1)
        """
        self.peer("write", "seg", 20, 0)
        shell = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh"]
        process = self.start(*shell, sys.executable, "-c", code, HERE)
        self.ended(process, 42)

    def test_interrupted(self):
        """Ctrl-C gets through to a waiting reader, and its place is free at once."""
        # Who starts the tests in the background makes them ignore Ctrl-C, and so their children.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        with framebridge.create("seg", 8, 8, linger=0) as w:
            for mode in "newest", "lossless":
                reader = self.peer("read", "seg", "--mode", mode)
                w.await_readers(1, 20)
                reader.send_signal(signal.SIGINT)
                reader.wait(10)
                self.assertIn("KeyboardInterrupt", self.text(reader.err))
                self.until(lambda: w.readers == 0)


if __name__ == "__main__":
    unittest.main()
