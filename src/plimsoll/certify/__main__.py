"""`python -m plimsoll.certify FILE [--head HASH]`: audit one extract with nothing but the documents."""

from __future__ import annotations

import sys

from plimsoll.certify.extract import Extract, audit
from plimsoll.documents import DocumentError

USAGE = "usage: python -m plimsoll.certify FILE [--head HASH]"


def main(arguments: list[str]) -> int:
    """0: it agrees; 1: it does not, each fault on a line; 2: no such file or no extract."""
    head = None
    if "--head" in arguments[:-1]:
        place = arguments.index("--head")
        head, arguments = arguments[place + 1], arguments[:place] + arguments[place + 2 :]
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        found = audit(Extract.load(arguments[0]), head)
    except DocumentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for fault in found.faults:
        print(f"fault: {fault}")
    if found.certificate is not None:
        print(f"initial {found.certificate.initial} units of 10^-{found.certificate.decimals}")
        if found.certificate.maintenance is not None:
            print(f"maintenance {found.certificate.maintenance}")
    print(f"head {found.head}")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
