"""The catalogue: processors, boxes, accelerators and devices, each number with its source; read lazily by file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from advisor.errors import CatalogueError, nearest
from advisor.records.base import Record, Sourced
from advisor.records.device import RUNTIME_DEVICES, Device, DeviceSpec
from advisor.records.machine import MachineSpec
from advisor.records.platform import Accelerator, Platform, Processor

from .data_sheets import bare_machine, boxed_machine, device_spec
from .entries import Entry, inspect_entry, platform_faults, read_entry
from .files import reason
from .paths import data_dir, profiles_dir

EntryT = TypeVar("EntryT", Processor, Platform, Accelerator, Device)
KINDS = ("processors", "platforms", "accelerators", "devices")
"""Folders of a catalogue."""
_SOCKETS = re.compile(r"(?P<chip>.+)-(?P<count>[1-9][0-9]?)s\Z")


def catalogue_id(name: str) -> str:
    """Id of a name: lower case, runs of other characters as one dash, none at the ends.

    ``Intel Xeon Platinum 8480+`` becomes ``intel-xeon-platinum-8480``.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say which ids a name may mean: ``"; did you mean 'x'?"``, or an empty string.

    A part of a name ("n100") resembles no id as a whole: ids with all its words come first, then those that hold it.
    """
    slug, ids = catalogue_id(name), sorted(known)
    words = set(slug.split("-"))
    holding = [entry for entry in ids if slug and words <= set(entry.split("-"))]
    holding = holding or [entry for entry in ids if slug and slug in entry]
    if not holding:
        return nearest(slug, ids, 3)
    return "; did you mean " + " or ".join(map(repr, holding[:3])) + "?"


class Catalogue:
    """Entries by id; made by :meth:`load`."""

    def __init__(self, folders: Iterable[Path], extra: Iterable[Path] = ()) -> None:
        self._files: dict[str, dict[str, Path]] = {kind: {} for kind in KINDS}
        self._read: dict[Path, Entry] = {}
        self._made: dict[str, Platform] = {}
        for folder in folders:
            for kind, files in self._files.items():
                for path in _listed(folder / kind):
                    self._admit(files, path.stem, path)
        for path in extra:
            entry = read_entry(path)
            self._admit(self._files[_folder_of(entry)], entry.id, path)
            self._read[path] = entry

    @staticmethod
    def _admit(files: dict[str, Path], entry_id: str, path: Path) -> None:
        if entry_id in files:
            raise CatalogueError(f"{path}: id {entry_id!r} is also that of {files[entry_id]}; rename or remove one")
        files[entry_id] = path

    @classmethod
    def load(cls, directory: Path | str | None = None, extra: Iterable[Path | str] = ()) -> Catalogue:
        """List the catalogue; files are read when their entry is asked for.

        Parameters
        ----------
        directory : path, optional
            Folder with processors/, platforms/, accelerators/ and devices/; None: the shipped one and the user's
            own additions.
        extra : paths
            Single files to add.

        Raises
        ------
        CatalogueError
            No such folder, or two files with one id.
        """
        if directory is not None:
            folder = Path(directory)
            if not any((folder / kind).is_dir() for kind in KINDS):
                raise CatalogueError(f"{folder}: holds no processors/, platforms/ or accelerators/; name a catalogue")
            folders = [folder]
        else:
            folders = [profiles_dir(), user_catalogue_dir()]
        return cls(folders, [Path(path) for path in extra])

    @classmethod
    def shipped(cls) -> Catalogue:
        """List the catalogue without the boxes that a user has added: what ships is fitted and judged on it alone."""
        return cls.load(profiles_dir())

    def with_platforms(self, platforms: Iterable[Platform]) -> Catalogue:
        """Return the same catalogue with further boxes, or others in the place of those of their ids."""
        made = Catalogue(())
        made._files, made._read = self._files, self._read
        made._made = {**self._made, **{platform.id: platform for platform in platforms}}
        return made

    def _entry(self, kind: str, entry_id: str, cls: type[EntryT]) -> EntryT:
        path = self._files[kind][entry_id]
        if path not in self._read:
            entry = read_entry(path)
            if not isinstance(entry, cls):
                raise CatalogueError(f"{path}: is a {type(entry).__name__}, but lies in the folder of {kind}")
            if entry.id != path.stem:
                raise CatalogueError(f"{path}: id is {entry.id!r}; name the file {entry.id}.yaml")
            self._read[path] = entry
        entry = self._read[path]
        assert isinstance(entry, cls)
        return entry

    def processor_ids(self) -> list[str]:
        """Ids of all processors, sorted."""
        return sorted(self._files["processors"])

    def platform_ids(self) -> list[str]:
        """Ids of all platforms, sorted."""
        return sorted({*self._files["platforms"], *self._made})

    def platforms(self) -> list[Platform]:
        """All boxes, by id. CatalogueError names the file that breaks the rules."""
        return [self.platform(name) for name in self.platform_ids()]

    def processors(self) -> list[Processor]:
        """All chips, by id."""
        return [self.processor(name) for name in self.processor_ids()]

    def accelerators(self) -> list[Accelerator]:
        """All accelerators, by id."""
        return [self._entry("accelerators", name, Accelerator) for name in sorted(self._files["accelerators"])]

    def devices(self) -> list[Device]:
        """All devices that infer, by id."""
        return [self._entry("devices", name, Device) for name in sorted(self._files["devices"])]

    def devices_of(self, machine: str) -> list[Device]:
        """Devices that a platform or processor brings, by id; of those added to a box none.

        Raises
        ------
        CatalogueError
            Neither a platform nor a processor; names the nearest.
        """
        chip = self.chip_of(machine)
        names = (f"{chip}-{kind.lower()}" for kind in RUNTIME_DEVICES.values())
        own = [self._entry("devices", name, Device) for name in names if name in self._files["devices"]]
        return [device for device in own if device.processor == chip]

    def device(self, machine: str, name: str) -> DeviceSpec | None:
        """Device of a box by what ``--device`` calls it: CPU, GPU, NPU, or the id of one that is added.

        None where the box has none of that name and none is sold under it. It has the box's memory and power where it
        has none of its own.

        Raises
        ------
        CatalogueError
            Neither a platform nor a processor; names the nearest.
        """
        own = {device.runtime_name: device for device in self.devices_of(machine)}
        found = own.get(name.upper())
        if found is None and name in self._files["devices"]:
            added = self._entry("devices", name, Device)
            found = added if added.processor in (None, self.chip_of(machine)) else None
        return None if found is None else device_spec(found, self.resolve(machine), self.chip_of(machine))

    def chip_of(self, machine: str) -> str:
        """Id of the processor of a platform, or of a processor itself, also of several in one board.

        Raises
        ------
        CatalogueError
            Neither a platform nor a processor; names the nearest.
        """
        platforms = self._made.keys() | self._files["platforms"].keys()
        wanted = machine if machine in platforms else catalogue_id(machine)
        if wanted in platforms:
            return self.platform(wanted).processor
        self.resolve(machine)
        match = _SOCKETS.match(wanted)
        return wanted if wanted in self._files["processors"] or match is None else match["chip"]

    def names_of(self, machine: str) -> tuple[str, ...]:
        """Ids under which facts of a box may stand, the most specific first: its product, itself, its chip.

        Raises
        ------
        CatalogueError
            Neither a platform nor a processor; names the nearest.
        """
        chip = self.chip_of(machine)
        known = self._made.get(machine)
        product = None if known is None else known.product
        return tuple(dict.fromkeys(name for name in (product, machine, chip) if name is not None))

    def platform(self, platform_id: str) -> Platform:
        """Return one box. CatalogueError with the nearest names if unknown."""
        if platform_id in self._made:
            return self._made[platform_id]
        if platform_id not in self._files["platforms"]:
            raise self._unknown("platform", platform_id, self.platform_ids())
        return self._entry("platforms", platform_id, Platform)

    def processor(self, processor_id: str) -> Processor:
        """Return one chip. CatalogueError with the nearest names if unknown."""
        if processor_id not in self._files["processors"]:
            raise self._unknown("processor", processor_id, self._files["processors"])
        return self._entry("processors", processor_id, Processor)

    def sha256(self) -> str:
        """SHA-256 over ids and contents of all files, whatever folders they lie in.

        Raises
        ------
        CatalogueError
            A file cannot be read.
        """
        digest = hashlib.sha256()
        for kind, files in sorted(self._files.items()):
            for entry_id, path in sorted(files.items()):
                try:
                    content = path.read_bytes()
                except OSError as error:
                    raise CatalogueError(f"{path}: cannot be read ({reason(error)})") from error
                digest.update(f"{kind}/{entry_id} {len(content)}\n".encode())
                digest.update(content)
        return digest.hexdigest()

    @staticmethod
    def _unknown(what: str, name: str, known: Iterable[str]) -> CatalogueError:
        hint = did_you_mean(name, known) or "; see: sizer catalog list"
        return CatalogueError(f"{what} {name!r} is not in the catalogue{hint}")

    def resolve(self, name: str) -> MachineSpec:
        """Machine of a platform id, a processor id, or a processor id with sockets (``...-2s``).

        A processor means the bare chip with all its memory channels in use. Names do as well as ids.

        Raises
        ------
        CatalogueError
            Neither a platform nor a processor: names the nearest, or says that it is an accelerator.
        """
        box, chip = self.identify("platforms", name), self.identify("processors", name)
        if box is not None:
            return self.machine(self.platform(box))
        if chip is not None:
            return bare_machine(self.processor(chip))
        match = _SOCKETS.match(catalogue_id(name))
        if match is not None and match["chip"] in self._files["processors"]:
            return bare_machine(self.processor(match["chip"]), int(match["count"]))
        accelerator = self.identify("accelerators", name)
        if accelerator is not None:
            raise CatalogueError(
                f"{name!r} is known, but not modelled: an accelerator of which no figure enters a prediction, so no "
                f"plan uses it; its data sheet: sizer catalog show {accelerator}"
            )
        known = [*self._files["platforms"], *self._files["processors"]]
        raise self._unknown("platform", name, known if did_you_mean(name, known) else self._files["accelerators"])

    def boxes(self, name: str) -> list[Platform]:
        """Platform of this id or name, or all that have the processor of this id or name; empty where there is none."""
        wanted = self.identify("platforms", name)
        if wanted is not None:
            return [self.platform(wanted)]
        chip = self.identify("processors", name)
        return [] if chip is None else [item for item in self.platforms() if item.processor == chip]

    def identify(self, kind: str, name: str) -> str | None:
        """Id of the entry of this id or display name, whatever its case and punctuation; None if there is none."""
        ids = self.platform_ids() if kind == "platforms" else sorted(self._files[kind])
        slug = catalogue_id(name)
        if name in ids or slug in ids:
            return name if name in ids else slug
        return next((entry_id for entry_id in ids if catalogue_id(self._name(kind, entry_id)) == slug), None)

    def _name(self, kind: str, entry_id: str) -> str:
        """Display name of an entry."""
        if kind == "platforms":
            return self.platform(entry_id).name
        if kind == "processors":
            return self.processor(entry_id).name
        return next(item.name for item in self.accelerators() if item.id == entry_id)

    def machine(self, platform: Platform) -> MachineSpec:
        """Facts that decide a box's speed, with the fields named that are recalled or assumed."""
        if platform.processor not in self._files["processors"]:
            known = nearest(platform.processor, self._files["processors"])
            raise CatalogueError(f"platform {platform.id!r}: its processor {platform.processor!r} is unknown{known}")
        return boxed_machine(platform, self.processor(platform.processor))

    def price(self, platform: Platform) -> Sourced | None:
        """Price of one box in USD with kind, source and date; None if none is known."""
        return platform.price_usd

    def check(self, file: Path | str | None = None) -> list[str]:
        """Broken rules of one file, or of the whole catalogue; an empty list where all is well.

        Beside the rules of a file (every fact has value, kind, source and date; see :mod:`advisor.store.entries`): a
        platform's processor is in the catalogue, and it uses no more channels and sockets than that has.
        """
        if file is None:
            every = [text for files in self._files.values() for path in files.values() for text in self.check(path)]
            return list(dict.fromkeys(every))  # a processor's fault shows at each of its boxes too
        path = Path(file)
        entry, found = inspect_entry(path)
        if isinstance(entry, Platform):
            if entry.processor in self._files["processors"]:
                chip, of_chip = inspect_entry(self._files["processors"][entry.processor])
                found += of_chip
                if isinstance(chip, Processor):
                    found += [f"{path}: {text}" for text in platform_faults(entry, chip)]
            else:
                hint = nearest(entry.processor, self._files["processors"])
                found.append(f"{path}: processor: {entry.processor!r} is not in the catalogue{hint}")
        return found


def user_catalogue_dir() -> Path:
    """Folder of the platforms that the user added."""
    return data_dir() / "catalogue"


def _listed(folder: Path) -> list[Path]:
    """YAML files of a folder by name; none where there is no such folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".yaml" and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CatalogueError(f"{folder}: cannot be listed: {reason(error)}; or set SIZER_HOME to another") from error


def _folder_of(entry: Record) -> str:
    return {Processor: "processors", Platform: "platforms", Accelerator: "accelerators", Device: "devices"}[type(entry)]
