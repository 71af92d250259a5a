"""The stored model: its file, its card, and the training scores that it must give again."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.errors import ReportError
from analysis.contract.checks import Status, Verdict, check
from analysis.model.candidates import model_input, predict, source_columns
from analysis.model.sampling import LEARNED, RowCounts

TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)


def save_model(model: Any, path: Path) -> None:
    """Store `model` at `path` in skops' format: the same model gives the same bytes.

    skops names its parts by memory address and dates them by the clock; both are replaced.
    """
    import skops.io  # slow to import, and few kernels need it

    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    schema = json.loads(source.read("schema.json"))
    names: dict[str, str] = {}
    schema = _renumber(schema, {}, names)
    parts = {new: _without_padding(source.read(old)) for old, new in names.items()}
    parts["schema.json"] = json.dumps(schema, separators=(",", ":")).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(parts):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, parts[name])


def _without_padding(stored: bytes) -> bytes:
    """Return a stored array with zeros between its fields, where tree nodes hold chance bytes."""
    if not stored.startswith(b"\x93NUMPY"):
        return stored
    array = np.load(io.BytesIO(stored), allow_pickle=False)
    if array.dtype.names is None:
        return stored
    clean, buffer = np.zeros(array.shape, array.dtype), io.BytesIO()
    for name in array.dtype.names:
        clean[name] = array[name]
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _renumber(node: Any, ids: dict[int, int], names: dict[str, str]) -> Any:
    """Return a skops schema whose object and file names count up in order of appearance."""
    if isinstance(node, list):
        return [_renumber(item, ids, names) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _renumber(value, ids, names) for key, value in node.items()}
    if isinstance(node.get("__id__"), int):
        copy["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
    if isinstance(node.get("file"), str) and "__loader__" in node:
        suffix = Path(node["file"]).suffix
        copy["file"] = names.setdefault(node["file"], f"{len(names) + 1:06d}{suffix}")
    return copy


def load_model(path: Path) -> Any:
    """Return the model stored at `path`.

    Nothing is unpickled: only scikit-learn's and NumPy's types of TRUSTED_TYPES are built.
    Raises ReportError when the file is absent, is not a model, or holds any other type.
    """
    import skops.io  # slow to import, and few kernels need it

    try:
        unknown = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ReportError(f"{path}: no stored model ({error}). Rerun 06_model.") from error
    if unknown:
        raise ReportError(
            f"{path}: holds {len(unknown)} types that no churn model needs, such as "
            f"{min(unknown)!r}, and is not loaded. Rerun the stage 06_model."
        )
    return skops.io.load(path, trusted=list(TRUSTED_TYPES))


def model_card(
    model: Any, snapshots: pd.DataFrame, name: str, threshold: float, rule: str
) -> dict[str, Any]:
    """Return what a reader of the stored model must know: its `model` name, the `threshold` and
    the `rule` it comes from, its columns, the snapshots of each split, and typical values.
    """
    numeric, categorical = source_columns(model)
    instants = snapshots.groupby("split")["snapshot_at"].unique()
    return {
        "model": name,
        "model_file": "churn_model.skops",
        "threshold": threshold,
        "threshold_rule": rule,
        "numeric": numeric,
        "categorical": categorical,
        "snapshots": {s: sorted(t.isoformat() for t in times) for s, times in instants.items()},
        "rows": {str(s): int(n) for s, n in snapshots["split"].value_counts().sort_index().items()},
        "reference": reference_values(model, snapshots),
    }


def empty_card(snapshots: pd.DataFrame, rule: str, reason: str) -> dict[str, Any]:
    """Return the card where there is no model: the `rule` of its threshold, the `rows` of each
    split, and `unavailable`, the reason.
    """
    rows = snapshots["split"].value_counts().sort_index()
    return {
        "model": None,
        "model_file": "churn_model.skops",
        "threshold": None,
        "threshold_rule": rule,
        "rows": {str(s): int(n) for s, n in rows.items()},
        "unavailable": reason,
    }


def with_all_rows(card: dict[str, Any], all_rows: RowCounts | None) -> dict[str, Any]:
    """Return a card whose `rows` are those of a sample with `all_rows` instead, and with the
    sample's as `learned_rows`; any other card as it is.
    """
    if all_rows is None:
        return card
    learned = {split: n for split, n in card["rows"].items() if split in LEARNED}
    return {**card, "rows": all_rows, "learned_rows": learned}


def reference_values(model: Any, snapshots: pd.DataFrame) -> dict[str, Any]:
    """Return the typical value of each column in split `train`: median, or commonest category.

    Commonest among the known ones; the first in alphabetical order when several are.
    """
    columns = model_input(model, snapshots[snapshots["split"] == "train"])
    numeric, categorical = source_columns(model)
    typical: dict[str, Any] = {column: columns[column].median() for column in numeric}
    for column in categorical:
        modes = columns[column].mode()
        typical[column] = modes.iloc[0] if len(modes) else np.nan
    return typical


def training_scores(model: Any, snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return `user_id`, `snapshot_at`, `proba_when_trained` of the training rows: what scoring
    with the stored model must give again.
    """
    rows = snapshots[snapshots["split"] == "train"]
    kept = rows[["user_id", "snapshot_at"]].reset_index(drop=True)
    return kept.assign(proba_when_trained=predict(model, rows))


@check(stage="07_scoring", strikes=("scores",))
def scoring_equals_training(
    churn_model: Any, snapshots: pd.DataFrame, training_scores: pd.DataFrame
) -> Verdict:
    """Judge the stored model: training rows scored again must give the same probabilities."""
    rows = snapshots.merge(training_scores, on=["user_id", "snapshot_at"])
    gap = float(np.abs(predict(churn_model, rows) - rows["proba_when_trained"]).max())
    status: Status = "pass" if gap <= 1e-9 else "fail"
    return Verdict(
        "scoring_equals_training", status, gap, limit=1e-9, n=len(rows), facts={"gap": gap}
    )
