import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { dataOf, type Execution } from '../api/api';
import { Problem } from '../api/problem';
import { useHome, useParts } from '../app/context';
import { useNow } from '../app/now';
import { describeExecution, executionHistory } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { Empty, ErrorBox, JsonText, Link, Status } from '../ui/small';
import { clock, latency, moment } from '../values/time';
import GraphPicture from './GraphPicture';
import { progressOf, UNDOING } from './graph';
import { useWorkflows } from './useWorkflows';

/** One execution: its graph while it runs, and afterwards. */
export default function ExecutionView({ name }: { name: string }) {
  const { api, queries } = useParts();
  const [born] = useState(() => Date.now());
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['execution', name],
    queryFn: ({ signal }) =>
      dataOf(
        api.GET('/v1/executions/{executionName}', {
          params: { path: { executionName: name } },
          signal,
        }),
      ),
    refetchInterval: ({ state }) =>
      state.data === undefined ? 2000 : state.data.status === 'RUNNING' ? 700 : false,
    // One that was started a moment ago may not be found yet.
    retry: (failures, problem) =>
      problem instanceof Problem && problem.status === 404
        ? Date.now() - born < 5000
        : failures < 3,
    retryDelay: 700,
  });
  const isOver = data !== undefined && data.status !== 'RUNNING';
  const thingName = data?.thingName;
  useEffect(() => {
    if (!isOver) return;
    void queries.invalidateQueries({ queryKey: ['devices'] });
    if (thingName) void queries.invalidateQueries({ queryKey: ['device', thingName] });
  }, [isOver, thingName, queries]);

  if (data === undefined) {
    if (error instanceof Problem && error.status === 404) {
      return (
        <Empty title={`There is no execution ${name}`}>
          Step Functions keeps them for 90 days. <Link to="/workflows">All executions</Link>
        </Empty>
      );
    }
    return isPending ? (
      <Spinner size="large" />
    ) : (
      <ErrorBox
        error={error}
        again={() => {
          void refetch();
        }}
      />
    );
  }
  return <Shown execution={data} />;
}

function Shown({ execution }: { execution: Execution }) {
  const home = useHome();
  const workflows = useWorkflows();
  const [state, setState] = useState<string>();
  const { executionName, workflow, status, thingName, states, result } = execution;
  const found = workflows.data?.find(({ name }) => name === workflow);
  const progress = found && progressOf(states, status, found.graph);
  const isUndone = status !== 'RUNNING' && states.some(({ name }) => UNDOING.test(name));
  const shown = states.filter(({ name }) => state === undefined || name === state);
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        description={
          <span className="facts">
            <Status status={status} testId="execution-status" />
            <span>{moment(execution.startedAt)}</span>
            <Took execution={execution} />
            {thingName !== null && (
              <Link to={`/devices/${encodeURIComponent(thingName)}`}>{thingName}</Link>
            )}
          </span>
        }
      >
        {workflow}
      </Header>
      {status === 'SUCCEEDED' && workflow === 'provision-device' && thingName !== null && (
        <Alert type="success">
          <Link to={`/devices/${encodeURIComponent(thingName)}`}>
            {thingName} is online: look at it
          </Link>
        </Alert>
      )}
      {execution.error !== null && (
        <Alert type="error" header={execution.error}>
          {execution.cause ?? 'No cause is told.'}
          {isUndone && ' Everything that this execution had made was undone.'}
        </Alert>
      )}
      <Container header={<Header variant="h2">Graph</Header>}>
        {found ? (
          <GraphPicture
            graph={found.graph}
            progress={progress ?? new Map()}
            visits={states}
            chosen={state}
            choose={setState}
          />
        ) : workflows.isPending ? (
          <Spinner />
        ) : (
          <Empty title="The definition is not known">
            The states below are what the execution has entered.
          </Empty>
        )}
      </Container>
      <Container
        header={
          <Header
            variant="h2"
            description={
              execution.truncated
                ? 'The history is longer: these are its first 1,000 events.'
                : state === undefined
                  ? 'As they were entered. Choose a state in the graph to see it alone.'
                  : `Only ${state}. Choose it again to see all.`
            }
          >
            States
          </Header>
        }
      >
        <div className="scroll">
          <table className="grid" data-testid="states">
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Entered</th>
                <th scope="col">Took</th>
                <th scope="col">Attempts</th>
                <th scope="col">Latest error</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((visit) => (
                <tr
                  key={visit.name + visit.enteredAt}
                  data-testid={`state-${visit.name}`}
                  data-progress={progress?.get(visit.name)}
                >
                  <th scope="row">{visit.name}</th>
                  <td>{clock(visit.enteredAt)}</td>
                  <td>
                    {visit.exitedAt === null
                      ? '…'
                      : latency(Date.parse(visit.exitedAt) - Date.parse(visit.enteredAt))}
                  </td>
                  <td>{visit.attempts === 0 ? '–' : visit.attempts}</td>
                  <td className="breakable">
                    {visit.error !== null && (
                      <>
                        <b>{visit.error}</b> {visit.cause}
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p className="quiet">
          Input and output of the states may hold names and addresses of a device, so the API does
          not show them. This line does, with your AWS credentials:
        </p>
        <CliLine
          line={executionHistory(home, workflow, executionName)}
          label="history with the data of the states"
        />
        <CliLine
          line={describeExecution(home, workflow, executionName)}
          label="describe the execution"
        />
      </Container>
      {result !== null && (
        <ExpandableSection headerText="Result">
          <JsonText value={result} />
        </ExpandableSection>
      )}
    </SpaceBetween>
  );
}

function Took({ execution: { startedAt, stoppedAt } }: { execution: Execution }) {
  const now = useNow();
  const end = stoppedAt === null ? now : Date.parse(stoppedAt);
  return <span>{latency(Math.max(0, end - Date.parse(startedAt)))}</span>;
}
