import { dataOf } from '../api/api';
import { useHome, useParts } from '../app/context';
import { startWorkflow } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { WorkflowDialog } from '../ui/WorkflowDialog';

/** Asks once more, and then leads to the workflow that removes the device. */
export function DeleteDevice({ thingName, close }: { thingName: string; close: () => void }) {
  const { api } = useParts();
  const home = useHome();
  return (
    <WorkflowDialog
      header={`Delete ${thingName}?`}
      submit="Delete"
      testId="delete-submit"
      cancel="Keep it"
      start={() =>
        dataOf(api.DELETE('/v1/devices/{thingName}', { params: { path: { thingName } } }))
      }
      stale={[['devices'], ['device', thingName]]}
      close={close}
    >
      <span>
        Task, certificate, shadow and thing are removed by a workflow. Its name is then free.
      </span>
      <CliLine
        line={startWorkflow(home, 'deprovision-device', { thingName })}
        label="delete the device"
      />
    </WorkflowDialog>
  );
}
