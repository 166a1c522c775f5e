"""The command `fitness-tracker`."""

import argparse
import sys
from functools import partial
from pathlib import Path

from fitness_tracker.core import environment as environment  # first, before NumPy
from fitness_tracker.core.errors import UserError, exit_with_message, printable, quiet_native_stderr
from fitness_tracker.prediction.sources import CLASSIFIER_FOLDER, classifier_folder, networks_folder, version_lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="fitness-tracker", description="Recognises exercises in pictures and clips.")
    parser.add_argument(
        "--version", action=Version, nargs=0, help="which version this is, and which classifier answers by default"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", help="name the exercise in pictures, clips and folders of them")
    predict.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line: docs/prediction.schema.json")
    form.add_argument("--csv", action="store_true", help="a table of segments, one a line")
    add_classifier(predict)
    predict.add_argument(
        "--overlay", type=Path, metavar="OUT.mp4", help="write the clip with its answer drawn on it; or a folder"
    )
    predict.add_argument(
        "--strip", type=Path, metavar="OUT.png", help="write the timeline as one picture; or a folder, for many clips"
    )
    predict.add_argument("--no-enrolled", action="store_true", help="name only what was taught, nothing of one's own")
    predict.set_defaults(run=run_predict, several="paths")
    enrol = commands.add_parser("enrol", help="an exercise of one's own, from clips of a few repetitions")
    enrol.add_argument("name", nargs="?", metavar="NAME", help="what it is called")
    enrol.add_argument("clips", type=Path, nargs="*", metavar="CLIP", help="of the exercise; one is enough")
    enrol.add_argument(
        "--anyway", action="store_true", help="though it looks like another exercise, or the clips differ"
    )
    enrol.add_argument("--to", type=Path, metavar="FILE.json", help="write it there, to share; it is not used here")
    enrol.add_argument("--add", type=Path, metavar="FILE.json", help="use one that somebody shared")
    enrol.add_argument("--list", action="store_true", help="what is enrolled")
    enrol.add_argument("--remove", metavar="NAME", help="forget one")
    add_classifier(enrol)
    enrol.set_defaults(run=run_enrol, several="clips")
    audit = commands.add_parser("audit", help="check labelled clips for what makes scores misleading")
    audit.add_argument(
        "videos",
        type=Path,
        nargs="?",
        metavar="VIDEOS",
        help="folder of <exercise>/<clip>; default: `videos` of params.yaml",
    )
    audit.add_argument("--strict", action="store_true", help="exit code 1 if anything is found")
    audit.add_argument("--page", type=Path, default=Path("audit.html"), help="where the pictures go (%(default)s)")
    audit.add_argument(
        "--networks",
        type=Path,
        metavar="FOLDER",
        help="of BlazePose's networks; default: pretrained/models, else those that are installed with this program",
    )
    audit.set_defaults(run=run_audit)
    report = commands.add_parser("report", help="what changes between two revisions, as Markdown; reads Git only")
    report.add_argument("base", metavar="BASE")
    report.add_argument("head", metavar="HEAD")
    report.add_argument(
        "--max-drop", type=float, metavar="X", help="exit code 1 if macro F1 falls by more than X and noise"
    )
    report.set_defaults(run=run_report)
    export = commands.add_parser("export", help="the classifier as one file for Keras, LiteRT or ONNX")
    export.add_argument("folder", type=Path, metavar="DIR", help="empty, or not there yet")
    export.add_argument("--to", choices=("keras", "tflite", "onnx"), required=True)
    add_classifier(export)
    export.set_defaults(run=run_export)
    serve = commands.add_parser("serve", help="a page to drop clips on or to use the camera with")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s: this machine only)")
    serve.add_argument("--port", type=int, default=7860, help="%(default)s; 0: any that is free")
    add_classifier(serve)
    serve.set_defaults(run=run_serve)
    site = commands.add_parser("site", help="write that page as a folder of files, which any web server serves")
    site.add_argument("folder", type=Path, metavar="DIR", help="empty, not there yet, or such a page, to be replaced")
    add_classifier(site)
    site.set_defaults(run=run_site)
    args, more = parser.parse_known_args()
    if more and (not hasattr(args, "several") or any(word.startswith("-") for word in more)):
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if more:  # argparse takes a list only in one piece
        getattr(args, args.several).extend(map(Path, more))
    with exit_with_message("fitness-tracker"):
        sys.exit(args.run(args))


def add_classifier(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--classifier",
        metavar="PLACE",
        help=f"a folder, a zip of it, or URL@REVISION of a Git repository; default: {CLASSIFIER_FOLDER}, "
        "else what is installed with this program",
    )


class Version(argparse.Action):
    """Prints `version_lines`; only if asked, as it reads a file."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(version_lines())
        parser.exit()


def run_predict(args: argparse.Namespace) -> int:
    """Prints an answer for every file; the exit code is 1 if any of them failed."""
    with quiet_native_stderr():
        from fitness_tracker.drawing.outputs import plan_outputs
        from fitness_tracker.drawing.pictures import draw_pictures
        from fitness_tracker.prediction.batches import Answered, Failed, NotDrawn, answer_files
        from fitness_tracker.prediction.formats import choose_printers
        from fitness_tracker.prediction.inputs import find_files

    files = find_files(args.paths)
    overlays, strips = (
        plan_outputs(files, out, *names)
        for out, *names in ((args.overlay, "overlay", ".mp4"), (args.strip, "strip", ".png"))
    )
    print_header, print_answer, print_error = choose_printers(args.json, args.csv, files)
    draw = partial(draw_pictures, overlays, strips)
    failed = False
    with classifier_folder(args.classifier) as folder:
        enrolled = [] if args.no_enrolled else read_enrolled(folder)
        with answer_files(files, folder, draw, enrolled) as results:
            print_header()
            for result in results:
                failed |= not isinstance(result, Answered)
                match result:
                    case Answered(path, answer, notes):
                        print_answer(path, answer)
                        for note in notes:
                            tell(f"{printable(path)}: {note}")
                    case Failed(path, reason):
                        print_error(path, reason)
                    case NotDrawn(reason):
                        tell(printable(reason))
    return int(failed)


def read_enrolled(folder: Path) -> list:
    """What is enrolled for the classifier in `folder`; prints why the rest is left out."""
    from fitness_tracker.prediction import enrolment
    from fitness_tracker.prediction.batches import load_quietly

    kept, unread = enrolment.read_folder(enrolment.enrolled_folder())
    good, others = enrolment.usable(kept, load_quietly(folder)) if kept else ([], [])
    for line in (*unread, *others):
        tell(printable(line))
    return good


def tell(line: str) -> None:
    print(f"fitness-tracker: {line}", file=sys.stderr)


def run_enrol(args: argparse.Namespace) -> int:
    """Enrols an exercise, or lists, adds or removes one."""
    ways = [args.list, args.add is not None, args.remove is not None, args.name is not None]
    if sum(ways) != 1 or ((args.to or args.anyway) and args.name is None):
        raise UserError("enrol NAME CLIPS, enrol --add FILE.json, enrol --list or enrol --remove NAME")
    with quiet_native_stderr():
        from fitness_tracker.prediction import enrolment
        from fitness_tracker.prediction.batches import load_quietly
    folder = enrolment.enrolled_folder()
    if args.remove is not None:
        enrolment.remove(folder, args.remove)
        print(f"enrol: {args.remove!r} is forgotten")
        return 0
    with classifier_folder(args.classifier) as place:
        known = read_enrolled(place)
        if args.list:
            print("\n".join(map(enrolment.describe, known)) or "nothing is enrolled")
            return 0
        classifier = load_quietly(place)
        added = enrolment.read_enrolled(args.add) if args.add is not None else None
        name = enrolment.check_name(args.name if added is None else added.name)
        enrolment.check_free(name, classifier, known)
        path = args.to or enrolment.path_of(folder, name, enrolment.embedding_hash(classifier))
        check_target(path, create=not args.to)
        if added is not None:
            enrolment.check_usable([added], classifier)
            made = added
        else:
            from fitness_tracker.prediction.enrol import enrol

            made = enrol(name, args.clips, classifier, known, args.anyway)
    enrolment.write_enrolled(made, path)
    print(f"enrol: {enrolment.describe(made)}; in {printable(path)}")
    return 0


def check_target(path: Path, create: bool) -> None:
    """Raises `UserError` if no exercise can be written there, before a clip is looked at; may create its folder."""
    from fitness_tracker.core.files import staging_path

    if path.suffix != ".json":
        raise UserError(f"{path}: must be a name that ends in .json")
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: {error.strerror or error}") from None
    for place in (path, staging_path(path)):
        try:
            place.touch(exist_ok=False)
            place.unlink()
        except FileExistsError:
            raise UserError(f"{place}: is there already; move it away") from None
        except OSError as error:
            raise UserError(f"{place}: {error.strerror or error}") from None


def run_audit(args: argparse.Namespace) -> int:
    """Prints the findings and writes the page with their pictures; with --strict findings make the exit code 1."""
    from fitness_tracker.audit.audit import CACHE_GB, GROUP, audit
    from fitness_tracker.audit.findings import finding_lines, findings_page
    from fitness_tracker.blazepose.networks import read_networks
    from fitness_tracker.clips.folder import find_clips
    from fitness_tracker.core.params import Limits, load_params
    from fitness_tracker.processing.result_cache import ResultCache, cache_folder

    if args.videos and not Path("params.yaml").exists():  # outside of a project
        videos, group, limits, cache_gb = args.videos, GROUP, Limits(), CACHE_GB
    else:
        params = load_params()
        videos, group = args.videos or Path(params.videos), params.split.group
        limits, cache_gb = params.limits, params.cache_gb
    clips = find_clips(videos)
    try:
        args.page.touch()  # fails now rather than after minutes
    except OSError as error:
        raise UserError(f"{args.page}: {error.strerror}") from None
    cache = ResultCache(cache_folder(), cache_gb)
    with quiet_native_stderr():
        networks = read_networks(args.networks or networks_folder())
    findings, fingerprints = audit(clips, networks, group, limits, cache)
    if findings:
        print(finding_lines(findings))
    args.page.write_text(findings_page(findings, fingerprints, videos), encoding="utf-8")
    result = f"{len(findings)} findings" if findings else "nothing was found"
    print(f"audit: {len(fingerprints)} of {len(clips)} clips looked at, {result}; pictures: {args.page}")
    return int(args.strict and bool(findings))


def run_report(args: argparse.Namespace) -> int:
    """Prints the Markdown; the exit code is 1 if HEAD's numbers are not its own, F1 fell too far or clips are lost."""
    from fitness_tracker.review.report import report
    from fitness_tracker.review.revisions import read_revisions

    if args.max_drop is not None and not 0 <= args.max_drop <= 1:
        raise UserError(f"--max-drop {args.max_drop:g}: must be from 0 to 1")
    markdown, good = report(read_revisions(args.base, args.head), args.max_drop)
    print(markdown)
    return int(not good)


def run_export(args: argparse.Namespace) -> int:
    """Writes the classifier's graph, its metadata and a README to a new folder."""
    with quiet_native_stderr():  # converters say much
        from fitness_tracker.export.formats import check_empty, export
        from fitness_tracker.models.bundle import load_classifier, read_checksum

        check_empty(args.folder)
        with classifier_folder(args.classifier) as folder:
            path = export(load_classifier(folder), read_checksum(folder), args.to, args.folder)
    print(f"export: {path}, {path.stat().st_size / 1000:.0f} kB; {args.folder / 'README.md'} says how to run it")
    return 0


def run_serve(args: argparse.Namespace) -> int:
    """Serves the page until it is stopped."""
    from fitness_tracker.page.address import is_loopback, open_port

    with open_port(args.host, args.port) as listener:
        if not is_loopback(args.host):
            print("fitness-tracker: browsers give a page the camera on localhost or by https only", file=sys.stderr)
        with classifier_folder(args.classifier) as folder:
            with quiet_native_stderr():
                from fitness_tracker.page.server import serve
                from fitness_tracker.prediction.predict import load_once

                load_once(folder)
            serve(listener, args.host, folder)
    return 0


def run_site(args: argparse.Namespace) -> int:
    """Writes the page's files."""
    with quiet_native_stderr(), classifier_folder(args.classifier) as folder:
        from fitness_tracker.page.site import write_site

        sizes = [(args.folder / name).stat().st_size for name in write_site(folder, args.folder)]
    print(f"site: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB in {args.folder}")
    return 0


if __name__ == "__main__":
    main()
