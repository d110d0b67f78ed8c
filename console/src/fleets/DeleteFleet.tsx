import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { dataOf } from '../api/api';
import { useHome, useParts } from '../app/context';
import { startWorkflow } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { ErrorBox } from '../ui/small';

/** Asks once more, and then leads to the workflow that removes the fleet. */
export function DeleteFleet({ fleetName, close }: { fleetName: string; close: () => void }) {
  const { api, queries } = useParts();
  const home = useHome();
  const [, navigate] = useLocation();
  const remove = useMutation({
    mutationFn: () =>
      dataOf(api.DELETE('/v1/fleets/{fleetName}', { params: { path: { fleetName } } })),
    onSuccess: ({ executionName }) => {
      void queries.invalidateQueries({ queryKey: ['fleets'] });
      close();
      navigate(`/executions/${encodeURIComponent(executionName)}`);
    },
  });
  return (
    <Modal
      visible
      header={`Delete the fleet ${fleetName}?`}
      closeAriaLabel="Close"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Keep it
            </Button>
            <Button
              variant="primary"
              loading={remove.isPending}
              loadingText="Starting the workflow"
              data-testid="fleet-delete-submit"
              onClick={() => {
                remove.mutate();
              }}
            >
              Delete
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="s">
        <span>All its devices are removed, each by the workflow that removes a single one.</span>
        <CliLine
          line={startWorkflow(home, 'remove-fleet', { name: fleetName })}
          label="delete the fleet"
        />
        {remove.error !== null && <ErrorBox error={remove.error} />}
      </SpaceBetween>
    </Modal>
  );
}
