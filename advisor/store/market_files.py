"""Products and prices that ship, and products that the user added: the only reader and writer of these files."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from advisor.errors import CatalogueError
from advisor.records.base import Record
from advisor.records.offer import MemoryPrice, Offer, Product

from .catalogue import user_catalogue_dir
from .files import reason, write_document
from .paths import profiles_dir
from .yamltext import YamlTextError, parse_yaml

RecordT = TypeVar("RecordT", bound=Record)
GIB = 2**30


def load_products() -> dict[str, Product]:
    """All products by id: the shipped ones and the user's own.

    Raises
    ------
    CatalogueError
        A file cannot be read, is no product, or has the id of another.
    """
    found: dict[str, Product] = {}
    for where in (profiles_dir(), user_catalogue_dir()):
        for path in sorted((where / "products").glob("*.yaml")):
            product = _product(path, path.stat().st_mtime_ns if path.exists() else 0)
            if product.id != path.stem:
                raise CatalogueError(f"{path}: id is {product.id!r}; name the file {product.id}.yaml")
            if product.id in found:
                raise CatalogueError(f"{path}: id {product.id!r} is also that of a shipped product; rename it")
            found[product.id] = product
    return found


@lru_cache(maxsize=2048)
def _product(path: Path, changed_ns: int) -> Product:  # noqa: ARG001 - part of the key: a changed file is read again
    try:
        data, _ = parse_yaml(path.read_text(encoding="utf-8"))
        return Product.model_validate(data)
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read ({reason(error)})") from error
    except (YamlTextError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise CatalogueError(f"{path}: {where}: {fault['msg']}; see the products that ship") from error


def write_product(product: Product) -> Path:
    """Add a product to the user's own catalogue. StoreError where that cannot be written."""
    folder = user_catalogue_dir() / "products"
    folder.mkdir(parents=True, exist_ok=True)
    return write_document(folder / f"{product.id}.yaml", product)


def shipped_offers() -> tuple[Offer, ...]:
    """Offers that ship with sizer. CatalogueError names file and line that cannot be read."""
    return _read(profiles_dir() / "offers" / "offers.csv", _offer)


def shipped_memory_prices() -> tuple[MemoryPrice, ...]:
    """Prices of memory that ship with sizer."""
    return _read(profiles_dir() / "offers" / "memory.csv", _memory_price)


def _read(path: Path, record: Callable[[dict[str, str]], RecordT]) -> tuple[RecordT, ...]:
    found = []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                try:
                    found.append(record(row))
                except (ValidationError, ValueError, KeyError) as error:
                    raise CatalogueError(f"{path}: {row}: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read ({reason(error)})") from error
    return tuple(found)


def _offer(row: dict[str, str]) -> Offer:
    def size(column: str, unit: float) -> float | None:
        return float(row[column]) * unit if row[column] else None

    return Offer.model_validate(
        {
            "product": row["product"], "price": float(row["price"]), "currency": row["currency"],
            "observed": row["observed_at"], "kind": row["price_kind"], "trust": row["trust"],
            "condition": row["condition"], "availability": row["availability"] or None,
            "basis": row["price_basis"] or None, "source": row["source_url"], "memory_bytes": size("ram_gb", GIB),
            "storage_bytes": size("disk_gb", 1e9), "note": row["note"],
        }
    )  # fmt: skip


def _memory_price(row: dict[str, str]) -> MemoryPrice:
    return MemoryPrice.model_validate(
        {
            "observed": row["observed_at"], "price_per_gb": float(row["price_per_gb"]), "currency": row["currency"],
            "item": row["item"], "trust": row["trust"], "source": row["source_url"],
        }
    )  # fmt: skip


def offers_sha256(offers: tuple[Offer, ...], memory: tuple[MemoryPrice, ...]) -> str:
    """SHA-256 over the contents of offers and prices of memory, in whatever order they come."""
    lines = sorted(record.model_dump_json() for record in (*offers, *memory))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
