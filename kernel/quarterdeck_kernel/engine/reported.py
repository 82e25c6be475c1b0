"""What a call reported, as events that stand beside its outcome."""

from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import StoreError
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.tools.report import FileChange, Report


async def keep(driver: RunDriver, content: bytes) -> str | None:
    """Keep what a file held or holds, unless there is a secret in it: none is ever written."""
    if any(driver.ingress.secrets(content.decode(errors="replace"))):
        return None
    return await driver.store.put_blob(driver.tenant, content)


async def artifacts_of(
    driver: RunDriver, report: Report, intent_seq: int
) -> tuple[ArtifactWritten, ...]:
    """Return an event for each file that the call changed."""
    return tuple([await _artifact(driver, report, change, intent_seq) for change in report.changes])


async def _artifact(
    driver: RunDriver, report: Report, change: FileChange, intent_seq: int
) -> ArtifactWritten:
    return ArtifactWritten(
        intent_seq=intent_seq,
        operation=change.operation,
        before=await _kept(driver, report, change.before),
        after=await _kept(driver, report, change.after),
        size=change.size,
        path=change.path,
        before_sha256=change.before,
        after_sha256=change.after,
    )


async def _kept(driver: RunDriver, report: Report, name: str | None) -> str | None:
    """Return the blob of that content: kept by this try, or by the one that a crash cut off."""
    if name is None or name in report.kept:
        return report.kept.get(name or "")
    try:
        return await driver.store.find_blob(driver.tenant, name)
    except StoreError:
        # That the file changed is worth more than the name of what it held.
        return None
