"""A device's whole life, twice: by the workflows, then step by step with the detours that a smooth
life never takes.
"""

from contextlib import suppress
from dataclasses import dataclass

from proofs.life.authorities import forget_authorities, with_an_authority
from proofs.life.by_api import by_api
from proofs.life.by_workflow import by_workflow
from proofs.life.claims import forget_claim, with_a_claim
from proofs.life.fleet_by_api import fleet_by_api, forget_fleets_device
from proofs.life.hosts import forget_hosts, on_a_host
from proofs.life.life import Life
from proofs.life.of_a_fleet import forget_fleet, of_a_fleet
from proofs.life.own_key import with_its_own_key
from proofs.life.replaced_certificates import job_id
from proofs.life.step_by_step import step_by_step
from tests.playground_cloud import wait_for


@dataclass(frozen=True)
class WholeLife(Life):
    """Use it once."""

    def run(self) -> None:
        """Live it. Raises StepFailedError at the first step that fails."""
        by_workflow(self)
        step_by_step(self)
        with_its_own_key(self)
        with_a_claim(self)
        with_an_authority(self)
        on_a_host(self)
        of_a_fleet(self)
        by_api(self)
        fleet_by_api(self)

    def end(self) -> None:
        """Remove what is left of it, whatever became of it, with the product's own
        deprovisioning.
        """
        sfn = self.cloud.client("stepfunctions")
        for execution_arn in self.cloud.running():
            sfn.stop_execution(executionArn=execution_arn)
        forget_fleet(self)
        forget_fleets_device(self)
        with suppress(self.cloud.client("iot").exceptions.ResourceNotFoundException):
            self.cloud.client("iot").delete_job(jobId=job_id(self), force=True)
        if self.cloud.row(self.thing_name):
            ended = self.cloud.deprovision(self.thing_name)
            assert ended.status == "SUCCEEDED", ended
        forget_hosts(self)
        wait_for("no open request for a certificate", self._nothing_asked_for)
        forget_claim(self)
        forget_authorities(self)
        self.wall.remove()

    def _nothing_asked_for(self) -> bool:
        """The product's own sweep has settled what the life has lost."""
        self.grow_old()
        self.call("Sweep", {"olderThanSeconds": 0})
        return "certificate_requests" not in self.cloud.row(self.thing_name)
