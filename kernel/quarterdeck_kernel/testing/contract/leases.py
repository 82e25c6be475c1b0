"""Leases of one store: claiming, epochs, deadlines, giving back."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

from quarterdeck_kernel.errors import LeaseHeldError
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.testing.contract.stage import Contract, Stage, raises
from quarterdeck_kernel.testing.logs import started

_LONG_US = 3_600_000_000


class LeaseContract(Contract):
    """`claim`, `renew`, `release`, `lease`, as one store sees them."""

    async def test_a_run_never_claimed_has_no_holder(self) -> None:
        """Its epoch is 0."""
        async with self.stage() as stage:
            await stage.begun()
            status = await stage.store.lease("run-1")
            assert (status.run_id, status.epoch) == ("run-1", 0)
            assert (status.holder, status.live) == (None, False)

    async def test_a_claim_gives_the_first_epoch(self) -> None:
        """The lease names the holder and a deadline ahead; from outside the holder is live."""
        async with self.stage() as stage:
            await stage.begun()
            lease = await stage.store.claim("run-1")
            assert (lease.run_id, lease.epoch) == ("run-1", 1)
            assert lease.deadline_us > stage.clock.boot_us()
            status = await stage.store.lease("run-1")
            assert (status.epoch, status.holder, status.live) == (1, lease.holder, True)

    async def test_each_claim_raises_the_epoch(self) -> None:
        """Also where the lease was given back in between."""
        async with self.stage() as stage:
            await stage.begun()
            for epoch in (1, 2, 3):
                lease = await stage.store.claim("run-1")
                assert lease.epoch == epoch
                await stage.store.release(lease)
                status = await stage.store.lease("run-1")
                assert (status.holder, status.live) == (None, False)

    async def test_renewing_moves_the_deadline_of_all_leases(self) -> None:
        """One renewal keeps every lease of a store alive."""
        async with self.stage() as stage:
            for run_id in ("run-1", "run-2"):
                await stage.begun(run_id)
            first = await stage.store.claim("run-1")
            await stage.store.claim("run-2")
            span_us = first.deadline_us - stage.clock.boot_us()
            for _ in range(4):
                stage.clock.advance(span_us * 3 // 4)
                deadline_us = await stage.store.renew()
                assert deadline_us == stage.clock.boot_us() + span_us
                for run_id in ("run-1", "run-2"):
                    assert (await stage.store.lease(run_id)).live

    async def test_a_lease_runs_out(self) -> None:
        """Not renewed, it is no longer live once its deadline has passed."""
        async with self.stage() as stage:
            await stage.begun()
            lease = await stage.store.claim("run-1")
            stage.clock.advance(lease.deadline_us - stage.clock.boot_us() - 1)
            assert (await stage.store.lease("run-1")).live
            stage.clock.advance(2)
            status = await stage.store.lease("run-1")
            assert (status.epoch, status.live) == (1, False)

    async def test_suspended_time_counts(self) -> None:
        """A laptop that slept has lost its leases."""
        async with self.stage() as stage:
            await stage.begun()
            await stage.store.claim("run-1")
            stage.clock.suspend(_LONG_US)
            assert not (await stage.store.lease("run-1")).live

    async def test_the_wall_clock_does_not_matter(self) -> None:
        """A jump of the calendar, either way, neither ends nor prolongs a lease."""
        async with self.stage() as stage:
            await stage.begun()
            lease = await stage.store.claim("run-1")
            for jump_us in (_LONG_US, -3 * _LONG_US):
                stage.clock.jump_wall(jump_us)
                assert (await stage.store.lease("run-1")).live
            stage.clock.advance(lease.deadline_us - stage.clock.boot_us() + 1)
            assert not (await stage.store.lease("run-1")).live

    async def test_giving_back_twice_is_harmless(self) -> None:
        """Also once the run was claimed again: the newer lease stays."""
        async with self.stage() as stage:
            await stage.begun()
            old = await stage.store.claim("run-1")
            await stage.store.release(old)
            await stage.store.release(old)
            new = await stage.store.claim("run-1")
            await stage.store.release(old)
            status = await stage.store.lease("run-1")
            assert (status.epoch, status.live) == (new.epoch, True)


async def _lapse(stage: Stage, deadline_us: int) -> None:
    stage.clock.advance(max(deadline_us - stage.clock.boot_us(), 0) + 1)


async def _claimable(store: EventStore, run_id: str) -> bool:
    try:
        await store.claim(run_id)
    except LeaseHeldError:
        return False
    return True


class RivalLeaseContract(Contract):
    """Leases between two stores on the same data, as two processes would hold them."""

    async def test_a_live_lease_is_not_taken(self) -> None:
        """The rival is told; the holder is not disturbed."""
        async with self.stage() as stage:
            rival = await stage.another()
            log, lease = await stage.driven()
            with raises(LeaseHeldError):
                await rival.claim("run-1")
            assert (await rival.lease("run-1")).holder == lease.holder
            await stage.put(log, log.drive(lease))

    async def test_an_expired_lease_is_stolen(self) -> None:
        """Under the next epoch, by another holder; from then on the old one is fenced off."""
        async with self.stage() as stage:
            rival = await stage.another()
            _, lease = await stage.driven()
            await _lapse(stage, lease.deadline_us)
            stolen = await rival.claim("run-1")
            assert stolen.epoch == lease.epoch + 1
            assert stolen.holder != lease.holder
            status = await stage.store.lease("run-1")
            assert (status.holder, status.live) == (stolen.holder, True)

    async def test_a_renewal_does_not_bring_back_what_was_stolen(self) -> None:
        """Nor does giving back the lease that was lost disturb the thief."""
        async with self.stage() as stage:
            rival = await stage.another()
            _, lease = await stage.driven()
            await _lapse(stage, lease.deadline_us)
            stolen = await rival.claim("run-1")
            await stage.store.renew()
            await stage.store.release(lease)
            status = await stage.store.lease("run-1")
            assert (status.holder, status.epoch) == (stolen.holder, stolen.epoch)
            assert status.live

    async def test_a_renewed_lease_is_not_stolen(self) -> None:
        """A deadline pushed back in time keeps rivals away past the first one."""
        async with self.stage() as stage:
            rival = await stage.another()
            _, lease = await stage.driven()
            stage.clock.advance((lease.deadline_us - stage.clock.boot_us()) // 2)
            await stage.store.renew()
            await _lapse(stage, lease.deadline_us)
            assert not await _claimable(rival, "run-1")

    async def test_a_lease_of_an_earlier_boot_is_free(self) -> None:
        """After a restart of the machine no deadline of before means anything."""
        async with self.stage() as stage:
            rival = await stage.another()
            await stage.driven()
            stage.clock.reboot()
            assert not (await rival.lease("run-1")).live
            assert await _claimable(rival, "run-1")

    async def test_a_lease_given_back_is_free(self) -> None:
        """At once, without waiting for its deadline."""
        async with self.stage() as stage:
            rival = await stage.another()
            _, lease = await stage.driven()
            await stage.store.release(lease)
            assert await _claimable(rival, "run-1")

    async def test_closing_gives_back_all_leases(self) -> None:
        """A store that closes leaves its runs to others at once."""
        async with self.stage() as stage:
            rival = await stage.another()
            for run_id in ("run-1", "run-2"):
                log = await stage.begun(run_id)
                lease = await stage.store.claim(run_id)
                await stage.put(log, log.drive(lease, started()))
            await stage.store.close()
            for run_id in ("run-1", "run-2"):
                assert not (await rival.lease(run_id)).live
                assert (await rival.claim(run_id)).epoch == 2

    async def test_of_many_rivals_one_gets_the_run(self) -> None:
        """Three stores that claim 20 free runs drive each of them once."""
        async with self.stage() as stage:
            stores = [stage.store, await stage.another(), await stage.another()]
            for n in range(20):
                run_id = f"run-{n}"
                await stage.begun(run_id)
                won = [await _claimable(store, run_id) for store in stores[n % 3 :]]
                assert won.count(True) == 1, f"{run_id}: {won}"
                assert (await stage.store.lease(run_id)).epoch == 1
