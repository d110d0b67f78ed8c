import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { useParts } from '../app/context';
import { ErrorBox } from './small';

interface Given {
  header: string;
  isLarge?: boolean;
  /** What the button that starts it says, and its test id. */
  submit: string;
  testId: string;
  cancel: string;
  disabled?: boolean;
  /** Has the API start the workflow. */
  start: () => Promise<{ executionName: string }>;
  failed?: () => void;
  /** Queries whose answers are old once it has begun. */
  stale: string[][];
  close: () => void;
  children: ReactNode;
}

/** A dialog that starts a workflow, and then leads to its execution. */
export function WorkflowDialog(given: Given) {
  const { queries } = useParts();
  const [, navigate] = useLocation();
  const started = useMutation({
    mutationFn: given.start,
    onSuccess: ({ executionName }) => {
      for (const queryKey of given.stale) void queries.invalidateQueries({ queryKey });
      given.close();
      navigate(`/executions/${encodeURIComponent(executionName)}`);
    },
    onError: () => given.failed?.(),
  });
  return (
    <Modal
      visible
      size={given.isLarge === true ? 'large' : 'medium'}
      header={given.header}
      closeAriaLabel="Close"
      onDismiss={given.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={given.close}>
              {given.cancel}
            </Button>
            <Button
              variant="primary"
              loading={started.isPending}
              loadingText="Starting the workflow"
              data-testid={given.testId}
              disabled={given.disabled === true}
              onClick={() => {
                started.mutate();
              }}
            >
              {given.submit}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="s">
        {given.children}
        {started.error !== null && <ErrorBox error={started.error} />}
      </SpaceBetween>
    </Modal>
  );
}
