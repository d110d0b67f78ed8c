import { dataOf } from '../api/api';
import { useHome, useParts } from '../app/context';
import { startWorkflow } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { WorkflowDialog } from '../ui/WorkflowDialog';

/** Asks once more, and then leads to the workflow that removes the fleet. */
export function DeleteFleet({ fleetName, close }: { fleetName: string; close: () => void }) {
  const { api } = useParts();
  const home = useHome();
  return (
    <WorkflowDialog
      header={`Delete the fleet ${fleetName}?`}
      submit="Delete"
      testId="fleet-delete-submit"
      cancel="Keep it"
      start={() =>
        dataOf(api.DELETE('/v1/fleets/{fleetName}', { params: { path: { fleetName } } }))
      }
      stale={[['fleets'], ['devices']]}
      close={close}
    >
      <span>All its devices are removed, each by the workflow that removes a single one.</span>
      <CliLine
        line={startWorkflow(home, 'remove-fleet', { name: fleetName })}
        label="delete the fleet"
      />
    </WorkflowDialog>
  );
}
