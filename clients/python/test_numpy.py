"""Arrays: where they lie, how long they live, what they refuse; OpenCV and PIL."""
import gc
import os
import resource
import sys
import unittest

from testcase import HERE, Case, framebridge, needs

try:
    import numpy as np
except ImportError:
    pass  # needs says so


def address_in(data, array):
    """Does the array lie in the mapping?"""
    first, start = array.__array_interface__["data"][0], data.map.address
    return start <= first and first + array.nbytes <= start + data.head.FileSize


@needs("numpy")
class Arrays(Case):
    def test_lossless_is_in_place_and_newest_a_copy(self):
        with framebridge.create("seg", 64, 36, "bgr24", linger=0) as w:
            for mode, inside in ("lossless", True), ("newest", False):
                with self.subTest(mode=mode), framebridge.open("seg", mode) as seg:
                    with w.frame() as f:
                        self.assertTrue(address_in(w._data, f.array))
                        f.array[:] = np.arange(64 * 36 * 3, dtype=np.uint8).reshape(36, 64, 3)
                    frame = seg.next()
                    array = frame.array
                    self.assertEqual((array.shape, array.strides, array.dtype, array.flags.writeable), ((36, 64, 3), (192, 3, 1), np.uint8, False))
                    self.assertEqual(address_in(seg._data, array), inside)
                    self.assertTrue((array.ravel() == np.arange(64 * 36 * 3, dtype=np.uint8)).all())
                    with self.assertRaises(ValueError):
                        array[0] = 1
                    if inside:
                        with self.assertRaises(ValueError):
                            array.flags.writeable = True
                    copy = frame.copy().array
                    self.assertFalse(address_in(seg._data, copy))

    def test_what_nobody_writes_any_more_is_read_in_place(self):
        with framebridge.create("seg", pixel_format="data", keep=True) as w:
            w.publish(np.arange(9.0))
            w.publish(np.arange(4.0))
        with framebridge.open("seg", "lossless") as seg:
            frame = seg.next()
            array = np.frombuffer(frame.payload)
            self.assertTrue(address_in(seg._data, array))
            self.assertEqual((array.tolist(), frame.number, frame.valid), ([0, 1, 2, 3], 1, True))
            self.assertIsNone(seg.next())
            self.assertRaisesRegex(framebridge.Closed, "was let go", lambda: frame.payload)
        framebridge.remove("seg")
        self.assertEqual(array.tolist(), [0, 1, 2, 3])  # still memory
        self.abandoned()
        with framebridge.open("seg", "lossless", hold=1) as seg:
            frame = seg.next()
            self.assertTrue(address_in(seg._data, frame.array))
            self.assertRaises(framebridge.WriterDied, seg.next)
            self.assertEqual(frame.array.shape, (36, 64, 4))  # kept

    def test_true_strides(self):
        """A writer may leave room at the end of rows, and before planes."""
        with framebridge.create("seg", 6, 5, "bgr24", capacity=4096, linger=0) as w, framebridge.open("seg", "lossless") as seg:
            with w.frame() as f:
                f._memory = w._data.map.bytes[w._data.head.SlotsOffset:w._data.head.SlotsOffset + 4096]
                f.planes, f._size = (framebridge.Plane(64, 32, 5),), 64 + 32 * 5
                f._record = f._record._replace(Plane=np.array([64, 32 | 5 << 32] + [0] * 6, "<u8").tobytes())
                f.array[:] = np.arange(90, dtype=np.uint8).reshape(5, 6, 3)
            array = seg.next().array
            self.assertEqual((array.shape, array.strides), ((5, 6, 3), (32, 3, 1)))
            self.assertTrue((array.ravel() == np.arange(90)).all())

    def test_shapes_of_all_formats(self):
        for form, shapes in (("rgba", [(5, 7, 4)]), ("bgra", [(5, 7, 4)]), ("rgb24", [(5, 7, 3)]), ("bgr24", [(5, 7, 3)]), ("gray8", [(5, 7)]),
                             ("yuv420p", [(5, 7), (3, 4), (3, 4)]), ("nv12", [(5, 7), (3, 4, 2)])):
            with self.subTest(format=form), framebridge.create("seg", 7, 5, form, linger=0) as w, framebridge.open("seg") as seg:
                with w.frame() as f:
                    for i, plane in enumerate(f.planes_arrays):
                        plane[:] = i + 1
                frame = seg.next()
                self.assertEqual([plane.shape for plane in frame.planes_arrays], shapes)
                self.assertTrue(all((plane == i + 1).all() for i, plane in enumerate(frame.planes_arrays)))
                if len(shapes) == 1:
                    self.assertEqual(frame.array.shape, shapes[0])
                else:
                    self.assertRaisesRegex(framebridge.FormatError, "use planes_arrays, or bgr", lambda: frame.array)

    def test_colours(self):
        red, green, blue = (200, 10, 20), (20, 180, 30), (1, 2, 250)
        picture = np.array([[red, green], [blue, red]], np.uint8)
        for form, pixels in (("rgba", np.dstack([picture, np.full((2, 2), 9)])), ("bgra", np.dstack([picture[..., ::-1], np.full((2, 2), 9)])),
                             ("rgb24", picture), ("bgr24", picture[..., ::-1])):
            with self.subTest(format=form), framebridge.create("seg", 2, 2, form, linger=0) as w, framebridge.open("seg") as seg:
                w.publish(np.ascontiguousarray(pixels.astype(np.uint8)))
                frame = seg.next()
                self.assertTrue((frame.rgb() == picture).all() and (frame.bgr() == picture[..., ::-1]).all())
                self.assertTrue(frame.bgr().flags.writeable and frame.bgr().flags.c_contiguous)

    def test_yuv(self):
        """Against the definition, for one colour a picture: BT.601, BT.709 and BT.2020, limited and full."""
        for form in "yuv420p", "nv12":
            for matrix, (kr, kb) in {7: (0.299, 0.114), 2: (0.2126, 0.0722), 10: (0.2627, 0.0593), 0: (0.299, 0.114)}.items():
                for full in False, True:
                    color = framebridge.Color(range=2 if full else 0, matrix=matrix)
                    with self.subTest(format=form, color=color), framebridge.create("seg", 5, 3, form, linger=0, color=color) as w:
                        with framebridge.open("seg") as seg:
                            for rgb in (255, 255, 255), (0, 0, 0), (200, 30, 90), (12, 250, 128):
                                r, g, b = (value / 255 for value in rgb)
                                y = kr * r + (1 - kr - kb) * g + kb * b
                                u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
                                y, u, v = (255 * y, 255 * u + 128, 255 * v + 128) if full else (16 + 219 * y, 128 + 224 * u, 128 + 224 * v)
                                with w.frame() as f:
                                    planes = f.planes_arrays
                                    planes[0][:] = round(y)
                                    planes[1][..., 0] = round(u) if form == "nv12" else planes[1][..., 0]
                                    if form == "nv12":
                                        planes[1][..., 1] = round(v)
                                    else:
                                        planes[1][:], planes[2][:] = round(u), round(v)
                                got = seg.next()
                                self.assertLessEqual(abs(got.rgb().astype(int) - rgb).max(), 2, rgb)
                                self.assertTrue((got.bgr() == got.rgb()[..., ::-1]).all())

    def test_what_is_refused(self):
        with framebridge.create("seg", 8, 6, "bgr24", linger=0) as w:
            for text, wrong in (
                    (r"is uint8 of shape \(6, 8, 3\), this is float64 of shape \(6, 8, 3\): convert", np.zeros((6, 8, 3))),
                    (r"this is uint8 of shape \(8, 6, 3\)", np.zeros((8, 6, 3), np.uint8)), (r"shape \(6, 8\)", np.zeros((6, 8), np.uint8)),
                    ("int8", np.zeros((6, 8, 3), np.int8)), ("has 144 bytes, this has 12", b"twelve bytes")):
                with self.subTest(text=text):
                    self.assertRaisesRegex(framebridge.FormatError, text, w.publish, wrong)
            with self.assertRaisesRegex(framebridge.FormatError, "float32"), w.frame() as f:
                f.array = np.zeros((6, 8, 3), np.float32)
            with w.frame() as f:
                f.array = np.ones((6, 8, 3), np.uint8)
            w.publish(np.ones((6, 16, 3), np.uint8)[:, ::2])  # strides of its own are no fault
        with framebridge.create("yuv", 8, 6, "yuv420p", linger=0) as w:
            w.publish(np.zeros((9, 8), np.uint8))  # as OpenCV has it
            self.assertRaisesRegex(framebridge.FormatError, "has 72 bytes", w.publish, np.zeros((9, 8), np.float32))
        with framebridge.create("rec", pixel_format="data", linger=0) as w, framebridge.open("rec") as seg:
            w.publish(np.arange(4.0))
            self.assertEqual(np.frombuffer(seg.next().payload).tolist(), [0, 1, 2, 3])
            self.assertRaisesRegex(framebridge.FormatError, "ascontiguousarray", w.publish, np.arange(8.0)[::2])

    def test_arrays_outlive_the_segment(self):
        arrays = []
        with framebridge.create("seg", 64, 36, "gray8", linger=0) as w:
            for mode in "lossless", "newest":
                with framebridge.open("seg", mode) as seg:
                    w.publish(np.full((36, 64), 7, np.uint8))
                    arrays += [frame.array[1::2, ::3].T for frame in [seg.next()]]
            with w.frame() as f:
                mine = f.array
                mine[:] = 9
        gc.collect()
        self.assertTrue(all((array == 7).all() for array in arrays))
        mine[:] = 8  # void, and no fault
        self.assertTrue(self.mapped())
        del arrays, mine
        gc.collect()
        self.assertEqual(self.mapped(), [])

    def mapped(self):
        with open("/proc/self/maps") as maps:
            return [line for line in maps if self.dir in line]

    def test_one_data_set_for_many_looks(self):
        """A view costs no memory of its own."""
        with framebridge.create("seg", 1920, 1080, linger=0) as w, framebridge.open("seg", "lossless") as seg:
            def publish():
                with w.frame() as f:
                    f.array[0, 0, 0] = 1
            publish()
            seg.next().array
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for _ in range(50):
                publish()
                self.assertEqual(seg.next().array[0, 0, 0], 1)
            self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 8 << 10)  # KiB

    @needs("cv2")
    def test_opencv(self):
        import cv2
        with framebridge.create("seg", 64, 36, "bgr24", linger=0) as w, framebridge.open("seg", "lossless") as seg:
            with w.frame() as f:
                cv2.rectangle(f.array, (10, 10), (20, 20), (0, 0, 255), -1)
            frame = seg.next()
            self.assertEqual(int((cv2.cvtColor(frame.array, cv2.COLOR_BGR2GRAY) > 0).sum()), 121)
            self.assertEqual(cv2.resize(frame.array, (32, 18)).shape, (18, 32, 3))

    @needs("PIL")
    def test_pil(self):
        from PIL import Image
        with framebridge.create("seg", 64, 36, "rgba", linger=0) as w, framebridge.open("seg", "lossless") as seg:
            w.publish(np.asarray(Image.new("RGBA", (64, 36), (1, 2, 3, 255))))
            frame = seg.next()
            self.assertEqual(Image.fromarray(frame.array).getpixel((63, 35)), (1, 2, 3, 255))
            self.assertEqual(Image.fromarray(frame.rgb()).getpixel((0, 0)), (1, 2, 3))


class WithoutNumpy(Case):
    def test_it_says_so(self):
        code = """if True:
            import sys
            sys.modules["numpy"] = None  # import numpy fails
            sys.path.insert(0, sys.argv[1])
            import framebridge
            with framebridge.create("seg", 8, 8, linger=0) as w, framebridge.open("seg") as seg:
                w.publish(bytes(256))
                frame = seg.next()
                for what in lambda: frame.array, frame.bgr, lambda: frame.planes_arrays:
                    try: what()
                    except framebridge.Unsupported as error: assert "install numpy, or use payload" in str(error)
                    else: raise SystemExit(1)
        """
        self.ended(self.start(sys.executable, "-c", code, HERE))


if __name__ == "__main__":
    unittest.main()
