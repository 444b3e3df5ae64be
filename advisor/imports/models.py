"""Which model a file means: an architecture or stand-in of exactly that name, what the user says, or none."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from .draft import MODEL_TO_FILL_IN


def model_named(reference: str | None, said: str | None) -> tuple[str, str]:
    """Model of a stage, and a comment on it.

    Parameters
    ----------
    reference : str, optional
        Path or name in the file that is read.
    said : str, optional
        What the user names for models that are not known.

    Returns
    -------
    model, comment : str, str
        ``model`` is :data:`MODEL_TO_FILL_IN` where nobody knows it.
    """
    from advisor.zoo import PREFIX, known_names

    stem = "" if reference is None else _stem(reference)
    known = {_squeeze(name.removeprefix(PREFIX)): name for name in reversed(known_names())}
    found = known.get(_squeeze(stem))
    if found is not None:
        kind = "a stand-in of its published size" if found.startswith(PREFIX) else "the architecture of that name"
        return found, f"{kind}, for {stem}; name your own file for exact figures"
    if said is not None:
        return said, f"as named with --model{f'; the file says {stem}' if stem else ''}"
    if not stem:
        return MODEL_TO_FILL_IN, "no file names the model"
    return MODEL_TO_FILL_IN, f"the file names {stem}, which is no architecture that sizer knows"


def _stem(reference: str) -> str:
    """Name of a model without folder and ending; what is no plain name (an address, a key) is not repeated."""
    name = PurePosixPath(reference.replace("\\", "/").split("?")[0]).name
    stem = re.sub(r"\.(?:xml|onnx|bin|tflite|pb|blob|engine|trt|hef|rknn|json)\Z", "", name, flags=re.IGNORECASE)
    if "://" in reference:
        return "a model behind an address"
    return stem if re.fullmatch(r"[\w.+-]{1,80}", stem) else "a model without a plain name"


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", name.lower())
