import FormField from '@cloudscape-design/components/form-field';
import Textarea from '@cloudscape-design/components/textarea';
import { useRef, useState } from 'react';
import { dataOf, type FleetFile } from '../api/api';
import { useHome, useParts } from '../app/context';
import { startWorkflow } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { WorkflowDialog } from '../ui/WorkflowDialog';
import { fleetOf, SAMPLE } from './fleetFile';

/** The dialog that makes or changes a fleet: it starts the workflow and leads to it. */
export function FleetForm({ close }: { close: () => void }) {
  const { api } = useParts();
  const home = useHome();
  const [text, setText] = useState(SAMPLE);
  // The same key for the same file: pressing twice starts one execution.
  const key = useRef(crypto.randomUUID());
  const { value, fault } = fleetOf(text);
  return (
    <WorkflowDialog
      header="Make or change a fleet"
      isLarge
      submit="Make it so"
      testId="fleet-submit"
      cancel="Cancel"
      disabled={fault !== undefined}
      start={() =>
        dataOf(
          api.POST('/v1/fleets', {
            params: { header: { 'Idempotency-Key': key.current } },
            body: value as unknown as FleetFile,
          }),
        )
      }
      failed={() => {
        key.current = crypto.randomUUID();
      }}
      stale={[['fleets'], ['devices']]}
      close={close}
    >
      <FormField
        label="Fleet file"
        description="JSON (docs/fleets.md). A fleet of this name is changed to what the file says: what it lacks is made, what the file has no more is removed."
        errorText={fault}
        stretch
      >
        <input
          type="file"
          accept=".json,application/json"
          aria-label="Fleet file"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            void file?.slice(0, 262_144).text().then(setText);
          }}
        />
        <Textarea
          value={text}
          rows={14}
          spellcheck={false}
          onChange={({ detail }) => {
            setText(detail.value);
          }}
          data-testid="fleet-file"
          ariaLabel="Fleet as JSON"
        />
      </FormField>
      {value && (
        <CliLine line={startWorkflow(home, 'provision-fleet', value)} label="make the fleet" />
      )}
    </WorkflowDialog>
  );
}
