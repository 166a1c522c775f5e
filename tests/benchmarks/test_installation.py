"""How an installation is weighed; that of a real one takes a network."""

from pathlib import Path

from installation import files_below, megabytes, packages, size_table

MB = 2**20


def test_each_package_is_weighed_with_all_that_lies_in_its_folders(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    for name, files in {
        "large": {"code.py": 3 * MB, "code.pyc": MB},
        "small": {"x.py": 9},
        "pip": {"x.py": MB},
    }.items():
        for folder in (name, f"{name}-1.dist-info"):
            (site / folder).mkdir(parents=True)
        (site / f"{name}-1.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (site / f"{name}-1.dist-info/RECORD").write_text(
            f"{name}/x.py,,\n{name}-1.dist-info/METADATA,,\n../../../bin/x,,\n"
        )
        for file, size in files.items():
            (site / name / file).write_bytes(bytes(size))
    assert packages(tmp_path).keys() == {"large", "small", "pip"}
    rows = dict(line.strip("| ").split(" | ") for line in size_table(tmp_path).splitlines()[2:])
    assert rows["large"] == "4"
    assert "small" not in rows
    assert (rows["**in all**"], rows["in all with pip and setuptools, which `venv` brings"]) == ("4", "5")
    assert rows["of which bytecode, which `pip install --no-compile` leaves out"] == "1"
    assert 5 < megabytes(files_below(tmp_path)) < 5.2
