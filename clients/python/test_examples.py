"""Every example, run as its reader would run it: it says what it should, ends by itself, and leaves nothing behind.

Those that need ffmpeg take the program framebridge from $FRAMEBRIDGE_BIN, or from bin (make build).
"""
import glob
import json
import os
import re
import socket
import sys
import tempfile
import unittest

from testcase import HERE, Case, needs, program

EXAMPLES = os.path.join(HERE, "examples")
PROGRAM = program("framebridge")
ELSEWHERE = {"blur"}  # examples that other tests run


class Examples(Case):
    def example(self, name, *arguments, **environment):
        """What it printed, line by line."""
        paths = os.pathsep.join(filter(None, [environment.pop("PYTHONPATH", ""), HERE]))  # this client, not an installed one
        where = {"PYTHONPATH": paths, **environment}
        if PROGRAM:
            where["FRAMEBRIDGE_BIN"] = os.path.dirname(os.path.abspath(PROGRAM))
        process = self.start(sys.executable, "-W", "error", os.path.join(EXAMPLES, name + ".py"), *arguments, **where)
        self.ended(process)
        self.assertEqual(os.listdir(self.dir), [])
        self.assertEqual(self.text(process.err), "")
        return self.lines(process)

    def test_echo(self):
        self.assertEqual(self.example("echo"), [
            "0: hello -> HELLO (an answer to 0)",
            "1: shared memory -> SHARED MEMORY (an answer to 1)",
            "2: straße -> STRASSE (an answer to 2)"])

    def test_counter(self):
        self.assertEqual(self.example("counter"), [
            "four processes",
            "updates: 100 + 100 + 100 + 100 = 400, counter: 400",
            "again, and the second one is killed while it has the lock",
            "updates: 100 + 40 + 100 + 100 = 340, counter: 340",
            "right"])

    @needs("numpy")
    def test_floats(self):
        lines = self.example("floats")
        exact = 2 / 3 * 2e6 ** 1.5 - 2e6 ** 0.5 / 2 - 0.2078862249773546  # Euler and Maclaurin; the last one is zeta(-1/2)
        self.assertRegex(lines[0], r"^2000000 floats from 4 processes, sum [0-9.]+: right$")
        self.assertAlmostEqual(float(lines[0].split()[6].rstrip(":")), exact, places=2)

    def test_statusboard(self):
        *board, end = self.example("statusboard")
        self.assertRegex(board[0], r"^anna \d+/\S+ working \| ben \d+/\S+ working \| cleo \d+/\S+ working$")
        last = re.match(r"^anna 4/4 finished \| ben (\d+)/300 DIED \| cleo 8/8 finished$", board[-1])
        self.assertTrue(last, board[-1])
        done = int(last.group(1))
        self.assertGreaterEqual(done, 3)
        self.assertEqual(end, f"ben died after step {done}, another process went on to step {done + 2}")

    def test_settings(self):
        before, after = self.example("settings")
        self.assertEqual(before, "frame 0: settings {}, 50 % is bright")
        self.assertRegex(after, r'^frame (2[6-9]|3[0-5]): settings {"threshold": 100}, 58 % is bright$')

    @needs("framebridge")
    def test_settings_of_the_command_line(self):
        """They are seen, and a change of one key leaves the others alone."""
        self.ended(self.start(PROGRAM, "config", "set", "example.cfg", "name=hall", "threshold=200", "--quiet"))
        before, after = self.example("settings")
        self.assertEqual(before, 'frame 0: settings {"name": "hall", "threshold": 200}, 19 % is bright')
        self.assertRegex(after, r'settings {"name": "hall", "threshold": 100}, 58 % is bright$')

    @needs("numpy")
    def test_dataset(self):
        self.assertEqual(self.example("dataset"), [
            "200000 rows of 8 numbers, means of 4 processes: right",
            f"all of them read {self.path('example.dataset')}"])

    @needs("numpy", "ffmpeg", "framebridge")
    def test_animation(self):
        """An ffmpeg at the other end of the line sees the ball fly from left to right."""
        import numpy
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"udp://127.0.0.1:{port}"
        receiver = self.start("ffmpeg", "-nostdin", "-v", "error", "-fpsprobesize", "0", "-analyzeduration", "500000", "-f", "mpegts",
                              "-i", url + "?timeout=60000000", "-frames:v", "25", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
        self.until(lambda: any(line.split()[1].endswith(f":{port:04X}") for line in open_lines("/proc/net/udp")), "ffmpeg does not listen")
        self.assertEqual(self.example("animation", url), [f"streaming 50 frames to {url}", "done"])
        self.ended(receiver)
        receiver.out.seek(0)
        pictures = numpy.frombuffer(receiver.out.buffer.read(), numpy.uint8).reshape(-1, 180, 320, 3).astype(int)
        self.assertEqual(len(pictures), 25)
        ball = (pictures[..., 0] > 180) & (pictures[..., 2] < 110)
        places = [numpy.nonzero(picture)[1].mean() for picture in ball]
        self.assertEqual(places, sorted(places))
        self.assertGreater(places[-1] - places[0], 100)

    def check_boxes(self, lines, analyzer):
        *records, end = lines
        self.assertEqual(end, "50 frames looked at")
        records = [json.loads(record) for record in records]
        self.assertEqual([record["frame"] for record in records], list(range(50)))
        for record in records[20:45]:  # the square is inside the picture
            self.assertEqual(record["data"]["analyzer"], analyzer)
            box, = record["data"]["boxes"]
            for key, expected in zip("xywh", (record["frame"] * 6 - 60, 60, 40, 40)):
                self.assertAlmostEqual(box[key], expected, delta=4, msg=f"{key} of {record}")

    @needs("numpy", "cv2", "ffmpeg", "framebridge")
    def test_opencv_motion(self):
        self.check_boxes(self.example("opencv_motion"), "opencv")

    @needs("numpy", "ffmpeg", "framebridge")
    def test_opencv_motion_without_opencv(self):
        with tempfile.TemporaryDirectory() as hiding:
            with open(os.path.join(hiding, "cv2.py"), "w") as file:
                file.write("raise ImportError('hidden')")
            self.check_boxes(self.example("opencv_motion", PYTHONPATH=hiding), "numpy")

    def test_what_needs_numpy_says_so(self):
        for name in "floats", "dataset", "animation", "opencv_motion":
            with self.subTest(name=name):
                code = ("import sys, runpy; sys.modules['numpy'] = None; sys.path.insert(0, sys.argv[1]); "
                        "runpy.run_path(sys.argv[2], run_name='__main__')")
                process = self.start(sys.executable, "-c", code, HERE, os.path.join(EXAMPLES, name + ".py"))
                self.ended(process, 1)
                self.assertIn("this example needs numpy: python3 -m pip install numpy", self.text(process.err))

    def test_all_are_listed_and_tested(self):
        with open(os.path.join(EXAMPLES, "README.md")) as readme:
            listed = set(re.findall(r"\]\((\w+)\.py\)", readme.read()))
        files = {os.path.basename(path)[:-3] for path in glob.glob(os.path.join(EXAMPLES, "*.py"))}
        self.assertEqual(files - listed, set(), "not in the table of README.md")
        self.assertEqual(listed - files, set(), "in the table of README.md, and not there")
        self.assertEqual({name for name in files - ELSEWHERE if not hasattr(self, "test_" + name)}, set(), "not tested")
        for name in files:
            with open(os.path.join(EXAMPLES, name + ".py")) as file:
                text = file.read()
            with self.subTest(name=name):
                self.assertIn(f"python3 clients/python/examples/{name}.py", text)


def open_lines(path):
    with open(path) as file:
        return file.readlines()[1:]


if __name__ == "__main__":
    unittest.main()
