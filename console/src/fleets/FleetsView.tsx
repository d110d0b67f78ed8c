import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { dataOf, type FleetDescription } from '../api/api';
import { useHome, useParts } from '../app/context';
import { listFleets } from '../cli/lines';
import { AdminButton } from '../ui/AdminButton';
import { CliLine } from '../ui/CliLine';
import { Age, Empty, ErrorBox, Link, Status } from '../ui/small';
import { DeleteFleet } from './DeleteFleet';
import { FleetForm } from './FleetForm';

/** The fleets, each with its groups. */
export default function FleetsView() {
  const { api } = useParts();
  const home = useHome();
  const [isForm, setIsForm] = useState(false);
  const [leaving, setLeaving] = useState<string>();
  const fleets = useQuery({
    queryKey: ['fleets'],
    queryFn: ({ signal }) => dataOf(api.GET('/v1/fleets', { signal })),
    refetchInterval: 5000,
  });
  const rows = fleets.data?.fleets ?? [];
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        description="Many devices from one file: made, changed and removed together."
        actions={
          <AdminButton
            variant="primary"
            data-testid="make-fleet"
            onClick={() => {
              setIsForm(true);
            }}
          >
            Make or change a fleet
          </AdminButton>
        }
      >
        Fleets
      </Header>
      {fleets.error !== null && fleets.data === undefined && (
        <ErrorBox
          error={fleets.error}
          again={() => {
            void fleets.refetch();
          }}
        />
      )}
      {fleets.isPending && <Spinner />}
      {fleets.data !== undefined && rows.length === 0 && (
        <Empty title="No fleets yet">
          A fleet is a file; the button above has one to begin with.
        </Empty>
      )}
      {rows.map(({ name }) => (
        <Fleet
          key={name}
          name={name}
          remove={() => {
            setLeaving(name);
          }}
        />
      ))}
      <CliLine line={listFleets(home)} label="list the fleets" />
      {isForm && (
        <FleetForm
          close={() => {
            setIsForm(false);
          }}
        />
      )}
      {leaving !== undefined && (
        <DeleteFleet
          fleetName={leaving}
          close={() => {
            setLeaving(undefined);
          }}
        />
      )}
    </SpaceBetween>
  );
}

function Fleet({ name, remove }: { name: string; remove: () => void }) {
  const { api } = useParts();
  const fleet = useQuery({
    queryKey: ['fleets', name],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/v1/fleets/{fleetName}', { params: { path: { fleetName: name } }, signal })),
    refetchInterval: 5000,
  });
  return (
    <Container
      data-testid={`fleet-${name}`}
      header={
        <Header
          variant="h2"
          actions={
            <AdminButton data-testid={`delete-fleet-${name}`} onClick={remove}>
              Delete
            </AdminButton>
          }
        >
          {name}
        </Header>
      }
    >
      {fleet.error !== null && fleet.data === undefined && <ErrorBox error={fleet.error} />}
      {fleet.data && <Facts fleet={fleet.data} />}
    </Container>
  );
}

function Facts({ fleet }: { fleet: FleetDescription }) {
  const execution = fleet.links.execution?.split('/').pop();
  return (
    <SpaceBetween size="s">
      <span>
        <Status status={fleet.status} testId={`fleet-status-${fleet.name}`} /> {fleet.devices}{' '}
        devices, made <Age at={fleet.createdAt} />
        {execution !== undefined && (
          <>
            {', '}
            <Link to={`/executions/${execution}`}>its execution</Link>
          </>
        )}
      </span>
      {fleet.groups.length > 0 && (
        <div className="scroll">
          <table className="grid">
            <thead>
              <tr>
                <th scope="col">Group</th>
                <th scope="col">Type</th>
                <th scope="col">Devices</th>
              </tr>
            </thead>
            <tbody>
              {fleet.groups.map((group) => (
                <tr key={group.name} data-testid="fleet-group">
                  <td>{group.name}</td>
                  <td>{group.deviceType}</td>
                  <td>{group.count}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </SpaceBetween>
  );
}
