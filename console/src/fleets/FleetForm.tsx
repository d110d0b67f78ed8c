import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { dataOf, type FleetFile } from '../api/api';
import { useHome, useParts } from '../app/context';
import { startWorkflow } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { ErrorBox } from '../ui/small';
import { fleetOf, SAMPLE } from './fleetFile';

/** The dialog that makes or changes a fleet: it starts the workflow and leads to it. */
export function FleetForm({ close }: { close: () => void }) {
  const { api, queries } = useParts();
  const home = useHome();
  const [, navigate] = useLocation();
  const [text, setText] = useState(SAMPLE);
  // The same key for the same file: pressing twice starts one execution.
  const key = useRef(crypto.randomUUID());
  const { value, fault } = fleetOf(text);
  const provision = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/v1/fleets', {
          params: { header: { 'Idempotency-Key': key.current } },
          body: value as unknown as FleetFile,
        }),
      ),
    onSuccess: ({ executionName }) => {
      void queries.invalidateQueries({ queryKey: ['fleets'] });
      close();
      navigate(`/executions/${encodeURIComponent(executionName)}`);
    },
    onError: () => {
      key.current = crypto.randomUUID();
    },
  });
  return (
    <Modal
      visible
      size="large"
      header="Make or change a fleet"
      closeAriaLabel="Close"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button
              variant="primary"
              data-testid="fleet-submit"
              loading={provision.isPending}
              loadingText="Starting the workflow"
              disabled={fault !== undefined}
              onClick={() => {
                provision.mutate();
              }}
            >
              Make it so
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
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
        {provision.error !== null && <ErrorBox error={provision.error} />}
      </SpaceBetween>
    </Modal>
  );
}
