"""A letter and a table of customers without personal data: `python example.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mlrun_like as ml

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    (folder / "letter.txt").write_text(
        "Dear Maria Garcia,\nyour card 4111 1111 1111 1111 was charged. Call +1 212-555-0187 or "
        "write to ann@example.org. Order 4111 1111 1111 1112 is on its way.\n"
    )
    rows = "".join(f"{at},user{at}@example.org,{at * 3} EUR\n" for at in range(50))
    (folder / "customers.csv").write_text("id,contact,spent\n" + rows)

    run = ml.import_function("hub://pii_recognizer").run(
        params={
            "input_path": str(folder),
            "entity_operator_map": {"PHONE": ["mask", {"chars_to_mask": 4, "from_end": True}]},
        },
        local=True,
    )
    copies = Path(run.artifact("anonymized").url)
    print((copies / "letter.txt").read_text())
    print("\n".join((copies / "customers.csv").read_text().splitlines()[:4]))
    print("\nfound:", run.outputs["entities"])
    print("open in a browser:", run.artifact("pii_report").url)
