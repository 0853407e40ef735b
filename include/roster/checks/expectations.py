"""Great Expectations: judges frames by suites, writes data docs, and answers which rows failed.

Importing it takes seconds, so nothing here does before a night is judged. It runs in an ephemeral context: nothing is
stored but the data docs, and nothing is reported to anybody.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from roster.checks.suites import Expectation

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite, ExpectationValidationResult
    from great_expectations.data_context import EphemeralDataContext

SITE = "roster"
LARGE = 200_000  # rows above which a table is judged school by school


@dataclass(frozen=True)
class Batch:
    """A frame with the expectations it is judged by.

    name: also that of its page in the data docs. key: column of whole numbers that tells its rows apart. school: column
    by which a large frame is judged in parts.
    """

    name: str
    frame: pl.DataFrame
    key: str
    expectations: tuple[Expectation, ...]
    school: str | None = None


@dataclass(frozen=True)
class Failure:
    """An expectation that was not met. keys: of the rows at fault, None where it is about the frame as a whole.

    broken: it could not be judged at all, and this is why.
    """

    batch: str
    expectation: Expectation
    keys: list[int] | None
    broken: str | None = None


def judge_frames(batches: list[Batch], docs: Path | None, large: int = LARGE) -> list[Failure]:
    """What the frames fail to meet, in the order of the batches; data docs below `docs`, if given."""
    if not batches:
        return []
    with _quiet():
        context = _context(docs)
        failures = [failure for batch in batches for failure in _judge(context, batch, large)]
        if docs is not None:
            context.build_data_docs()
    return failures


def _context(docs: Path | None) -> EphemeralDataContext:
    # Some of its releases send usage statistics to their maker.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for site in list(context.variables.data_docs_sites or {}):
        context.delete_data_docs_site(site)  # its default is a folder of its own in the machine's temporary one
    if docs is not None:
        docs.mkdir(parents=True, exist_ok=True)
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        site = {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index}
        context.add_data_docs_site(SITE, {**site, "show_how_to_buttons": False})
    return context


def _judge(context: EphemeralDataContext, batch: Batch, large: int) -> Iterator[Failure]:
    suite = _suite(context, batch)
    parts = _parts(batch, large)
    for name, frame in parts.items():
        import great_expectations as gx

        asset = context.data_sources.add_or_update_pandas(batch.name).add_dataframe_asset(name)
        definition = gx.ValidationDefinition(
            name=name, data=asset.add_batch_definition_whole_dataframe("all"), suite=suite
        )
        result = context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": frame.to_pandas()},
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [batch.key]},
        )
        for one in result.results:
            if not one.success:
                yield _failure(batch, one)


def _suite(context: EphemeralDataContext, batch: Batch) -> ExpectationSuite:
    """The batch's suite; each expectation carries its number, by which its result finds it again."""
    import great_expectations as gx

    expectations = [
        {
            "type": one.type,
            "kwargs": one.kwargs,
            "severity": one.severity,
            "meta": {"rule": one.meta.rule, "number": number},
        }
        for number, one in enumerate(batch.expectations)
    ]
    return context.suites.add(gx.ExpectationSuite(name=batch.name, expectations=expectations))


def _parts(batch: Batch, large: int) -> Mapping[str, pl.DataFrame]:
    """The frame under the batch's name, or the parts of a large one, by school."""
    if batch.frame.height <= large or batch.school is None:
        return {batch.name: batch.frame}
    parts = batch.frame.partition_by(batch.school, as_dict=True, maintain_order=True)
    schools = (re.sub(r"\W+", "_", str(key[0] or "none")) for key in parts)  # part of a page's file name
    return {
        f"{batch.name}-{n}-{school}": part for n, (school, part) in enumerate(zip(schools, parts.values(), strict=True))
    }


def _failure(batch: Batch, result: ExpectationValidationResult) -> Failure:
    config = result.expectation_config
    if config is None:
        raise AssertionError
    expectation = batch.expectations[config.meta["number"]]
    if broken := _exception(result.exception_info):
        return Failure(batch.name, expectation, None, broken)
    found: list[dict[str, Any]] | None = result.result.get("unexpected_index_list")
    return Failure(batch.name, expectation, None if found is None else [int(one[batch.key]) for one in found])


def _exception(info: Mapping[str, Any]) -> str | None:
    """Why it could not be judged: its exceptions are given by themselves, or by metric."""
    told = [info] if "raised_exception" in info else [one for one in info.values() if isinstance(one, Mapping)]
    raised = [one for one in told if one.get("raised_exception")]
    return str(raised[0].get("exception_message")) if raised else None


@contextmanager
def _quiet() -> Iterator[None]:
    """It logs a line per validation and, on faults, the rows themselves; its import warns of its own old habits."""
    logger = logging.getLogger("great_expectations")
    silent, before = logging.NullHandler(), logger.propagate
    logger.addHandler(silent)
    logger.propagate = False  # some of its loggers set a level of their own, so that ours would not reach them
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.propagate = before
        logger.removeHandler(silent)
