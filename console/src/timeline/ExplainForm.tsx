import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { dataOf, type Explanation, type Question } from '../api/api';
import { useParts } from '../app/context';
import { playground } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { ErrorBox, JsonText } from '../ui/small';

type Action = Question['action'];

const ACTIONS: Record<Action, { words: string; what: string }> = {
  publish: { words: 'publish', what: 'Topic' },
  subscribe: { words: 'subscribe', what: 'Topic filter' },
  receive: { words: 'receive', what: 'Topic' },
  connect: { words: 'connect', what: 'Client id' },
};

/** What would be decided, and by which statement of which policy. */
export function ExplainForm({ thingName }: { thingName: string }) {
  const { api } = useParts();
  const [action, setAction] = useState<Action>('publish');
  const [resource, setResource] = useState(`playground/forbidden/${thingName}/telemetry`);
  const explain = useMutation({
    mutationFn: (body: Question) => dataOf(api.POST('/v1/policies/explain', { body })),
  });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="What its policies would say, and which statement decides."
        >
          May it?
        </Header>
      }
    >
      <form
        data-testid="explain-form"
        aria-label="Explain a policy decision"
        onSubmit={(event) => {
          event.preventDefault();
          if (resource) explain.mutate({ thingName, action, resource });
        }}
      >
        <SpaceBetween size="s">
          <div className="explain">
            <FormField label={`May ${thingName}`}>
              <Select
                selectedOption={{ value: action, label: ACTIONS[action].words }}
                options={Object.entries(ACTIONS).map(([value, { words }]) => ({
                  value,
                  label: words,
                }))}
                onChange={({ detail }) => {
                  setAction(detail.selectedOption.value as Action);
                }}
              />
            </FormField>
            <FormField label={ACTIONS[action].what} stretch>
              <Input
                value={resource}
                spellcheck={false}
                data-testid="explain-resource"
                onChange={({ detail }) => {
                  setResource(detail.value);
                }}
              />
            </FormField>
            <Button
              formAction="submit"
              loading={explain.isPending}
              loadingText="Asking"
              disabled={resource === ''}
              data-testid="explain-submit"
            >
              Explain
            </Button>
          </div>
          <CliLine line={playground('explain', thingName, action, resource)} label="explain it" />
          {explain.error !== null && <ErrorBox error={explain.error} />}
          {explain.data && <Told told={explain.data} />}
        </SpaceBetween>
      </form>
    </Container>
  );
}

const DECISIONS = {
  ALLOWED: 'Allowed',
  EXPLICIT_DENY: 'Refused: a statement denies it',
  IMPLICIT_DENY: 'Refused: no statement allows it',
};

function Told({ told }: { told: Explanation }) {
  const allowed = told.decision === 'ALLOWED';
  return (
    <div data-testid="explain-answer" data-decision={told.decision}>
      <Alert type={allowed ? 'success' : 'error'} header={DECISIONS[told.decision]}>
        {told.sentence}
      </Alert>
      {told.statement && <Statement title="The statement that decides" given={told.statement} />}
      {told.nearest && (
        <Statement title="The nearest statement that would have allowed it" given={told.nearest} />
      )}
      {Object.keys(told.variables).length > 0 && (
        <>
          <h3>Variables</h3>
          <JsonText value={told.variables} />
        </>
      )}
    </div>
  );
}

function Statement({
  title,
  given,
}: {
  title: string;
  given: NonNullable<Explanation['statement']>;
}) {
  return (
    <>
      <h3>
        {title}: number {given.index + 1} of {given.policy}
      </h3>
      <JsonText value={given.statement} />
    </>
  );
}
