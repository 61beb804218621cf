"""Packs framebridge.py as a wheel (PEP 517), so that pip install ./clients/python needs no network and no other package."""
import base64
import hashlib
import os
import re
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def _read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def _version():
    return re.search(r'^__version__ = "(.*)"$', _read("framebridge.py"), re.MULTILINE).group(1)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    version = _version()
    info = f"framebridge-{version}.dist-info"
    files = {
        "framebridge.py": _read("framebridge.py"),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: framebridge\nVersion: {version}\nLicense: Apache-2.0\nRequires-Python: >=3.9\n"
                            "Summary: Frames and records in shared memory, shared with ffmpeg, Go and other programs\n"
                            "Provides-Extra: numpy\nRequires-Dist: numpy; extra == 'numpy'\n"
                            f"Description-Content-Type: text/markdown\n\n{_read('README.md')}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: build_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    wheel = f"framebridge-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("framebridge has no source package: install the folder, or copy framebridge.py")
