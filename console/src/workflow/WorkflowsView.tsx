import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { useLocation } from 'wouter';
import { dataOf, type ExecutionStatus } from '../api/api';
import { useHome, useParts } from '../app/context';
import { listExecutions } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { Age, Empty, ErrorBox, Link, Status } from '../ui/small';
import { latency, moment } from '../values/time';
import { useWorkflows } from './useWorkflows';

const GraphPicture = lazy(() => import('./GraphPicture'));

const STATUSES: ExecutionStatus[] = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'];
/** What one sees first: how a device is made. */
const FIRST = 'provision-device';
const ANY = { value: '', label: 'any' };

/** The state machines as graphs, and what they have done. */
export default function WorkflowsView({ workflow }: { workflow: string | undefined }) {
  const { api } = useParts();
  const home = useHome();
  const [, navigate] = useLocation();
  const [status, setStatus] = useState<ExecutionStatus | ''>('');
  const workflows = useWorkflows();
  const chosen =
    workflows.data?.find(({ name }) => name === (workflow ?? FIRST)) ?? workflows.data?.[0];
  const name = chosen?.name;
  const executions = useQuery({
    queryKey: ['executions', name, status],
    queryFn: ({ signal }) =>
      dataOf(
        api.GET('/v1/executions', {
          params: {
            query: { limit: 50, ...(name && { workflow: name }), ...(status && { status }) },
          },
          signal,
        }),
      ),
    refetchInterval: 5000,
  });
  const rows = executions.data?.executions ?? [];
  return (
    <SpaceBetween size="m">
      <Header variant="h1" description="What makes, removes and confines devices: Step Functions.">
        Workflows
      </Header>
      <div className="filters">
        <Select
          selectedOption={name ? { value: name, label: name } : null}
          options={(workflows.data ?? []).map((one) => ({ value: one.name, label: one.name }))}
          placeholder="Workflow"
          inlineLabelText="Workflow"
          data-testid="workflow"
          onChange={({ detail }) => {
            navigate(`/workflows/${detail.selectedOption.value ?? ''}`);
          }}
        />
        <Select
          selectedOption={status ? { value: status, label: status } : ANY}
          options={[ANY, ...STATUSES.map((value) => ({ value, label: value }))]}
          inlineLabelText="Status"
          onChange={({ detail }) => {
            setStatus(STATUSES.find((one) => one === detail.selectedOption.value) ?? '');
          }}
        />
      </div>
      {workflows.error !== null && (
        <ErrorBox
          error={workflows.error}
          again={() => {
            void workflows.refetch();
          }}
        />
      )}
      <Container header={<Header variant="h2">Executions</Header>}>
        {executions.error !== null && executions.data === undefined && (
          <ErrorBox
            error={executions.error}
            again={() => {
              void executions.refetch();
            }}
          />
        )}
        {executions.isPending && <Spinner />}
        {executions.data !== undefined && rows.length === 0 && (
          <Empty title="No such execution">Create a device: its execution then stands here.</Empty>
        )}
        {rows.length > 0 && (
          <div className="scroll">
            <table className="grid" data-testid="executions">
              <thead>
                <tr>
                  <th scope="col">Device</th>
                  <th scope="col">Status</th>
                  <th scope="col">Started</th>
                  <th scope="col">Took</th>
                  <th scope="col">Execution</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.executionName} data-testid="execution-row">
                    <td>
                      {row.thingName === null ? (
                        '–'
                      ) : (
                        <Link to={`/devices/${encodeURIComponent(row.thingName)}`}>
                          {row.thingName}
                        </Link>
                      )}
                    </td>
                    <td>
                      <Status status={row.status} />
                    </td>
                    <td>
                      <span title={moment(row.startedAt)}>
                        <Age at={row.startedAt} />
                      </span>
                    </td>
                    <td>
                      {row.stoppedAt === null
                        ? '–'
                        : latency(Date.parse(row.stoppedAt) - Date.parse(row.startedAt))}
                    </td>
                    <td>
                      <Link to={`/executions/${encodeURIComponent(row.executionName)}`}>
                        <code className="breakable">{row.executionName}</code>
                      </Link>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {rows.length === 50 && <p className="quiet">The latest 50; the line below has all.</p>}
        {name && <CliLine line={listExecutions(home, name)} label="list the executions" />}
      </Container>
      {chosen && (
        <Container
          header={
            <Header variant="h2" description={chosen.comment}>
              {chosen.name}
            </Header>
          }
        >
          <Suspense fallback={<Spinner />}>
            <GraphPicture key={chosen.name} graph={chosen.graph} />
          </Suspense>
        </Container>
      )}
    </SpaceBetween>
  );
}
