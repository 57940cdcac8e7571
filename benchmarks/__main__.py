"""`python -m benchmarks [name ...]`: every benchmark, or those named, one after the other.

An Apple Health export of 300 MB and one of 1 GB of XML, from zip to committed rows and series, beside expat, lxml and
healthkit-to-sqlite in the same run; the sample series; FIT files beside the official SDK;
a zip of a thousand FIT files, and one of 500 MB, to committed rows; TCX and GPX files
beside bare XML parsers; the groups of a million activities; one more record into an account of 20,000 and that account
grouped anew; webhook receipts a second and how long their answers take; source activities synced a second, and which
part of that is ours. The exports are generated, which needs the folder shared/.
"""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = {
    "apple_import": [
        ["benchmarks.apple_import", "--megabytes", "300"],
        ["benchmarks.apple_import", "--megabytes", "1000"],
    ],
    "series": [["benchmarks.series"]],
    "fit": [["benchmarks.fit"]],
    "files_import": [
        ["benchmarks.files_import"],
        ["benchmarks.files_import", "--megabytes", "500", "--ways", "trainstack"],
    ],
    "xml_files": [["benchmarks.xml_files"]],
    "grouping": [["benchmarks.grouping"]],
    "dedup": [["benchmarks.dedup"]],
    "webhooks": [["benchmarks.webhooks"]],
    "syncing": [["benchmarks.syncing"]],
}


def main() -> int:
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        for command in BENCHMARKS[name]:
            print(f"== python -m {' '.join(command)}", flush=True)
            done = subprocess.run([sys.executable, "-m", *command], cwd=Path(__file__).parent.parent, check=False)
            failed = failed or done.returncode
            print(flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
