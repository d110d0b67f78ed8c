import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useHome } from '../app/context';
import { getShadow, updateShadow } from '../cli/lines';
import { AdminButton } from '../ui/AdminButton';
import { CliLine } from '../ui/CliLine';
import { Empty, JsonText } from '../ui/small';
import { shadowRows, type ShadowRow } from '../values/difference';
import type { Json } from '../values/json';
import { shadowOf, type OfDevice } from './ofDevice';
import { useChange } from './useChange';

const STATES = {
  same: { type: 'success', text: 'the same' },
  pending: { type: 'pending', text: 'pending' },
  rejected: { type: 'error', text: 'rejected' },
  'reported only': { type: 'info', text: 'reported only' },
} as const;

/** Desired, reported and delta side by side; what differs stands first. */
export function ShadowTab({ thingName, device }: OfDevice) {
  const home = useHome();
  const change = useChange(thingName);
  if (device.shadow === null) {
    return <Empty title="There is no shadow">It comes with the device, and goes with it.</Empty>;
  }
  const { desired, reported, delta } = shadowOf(device);
  const rows = shadowRows(desired, reported, delta);
  const differing = rows.filter(({ state }) => state === 'pending' || state === 'rejected').length;
  return (
    <SpaceBetween size="m">
      <Container
        header={
          <Header
            variant="h2"
            counter={`version ${String(device.shadow.version)}`}
            description={
              differing === 0
                ? 'Desired and reported agree: there is no delta.'
                : `${String(differing)} of ${String(rows.length)} differ.`
            }
          >
            Shadow
          </Header>
        }
      >
        <div className="scroll">
          <table className="grid" data-testid="shadow">
            <thead>
              <tr>
                <th scope="col">Setting</th>
                <th scope="col">desired</th>
                <th scope="col">reported</th>
                <th scope="col">delta</th>
                <th scope="col">Answer</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row
                  key={row.key}
                  row={row}
                  remove={() => {
                    change.mutate({ [row.key]: null });
                  }}
                />
              ))}
            </tbody>
          </table>
        </div>
      </Container>
      <CliLine line={getShadow(home, thingName)} label="read the shadow" />
      <CliLine
        line={updateShadow(home, thingName, { unit: 'furlong' })}
        label="desire what the device refuses, to see how it answers"
      />
      <ExpandableSection headerText="The document">
        <JsonText value={device.shadow} />
      </ExpandableSection>
    </SpaceBetween>
  );
}

const cell = (value: Json | undefined) =>
  value === undefined ? <span className="quiet">–</span> : <code>{JSON.stringify(value)}</code>;

function Row({ row, remove }: { row: ShadowRow; remove: () => void }) {
  const { type, text } = STATES[row.state];
  const isSetByUs = row.key !== 'quarantine' && row.desired !== undefined;
  return (
    <tr data-testid={`shadow-${row.key}`} data-state={row.state} className={`shadow-${type}`}>
      <th scope="row">
        <code>{row.key}</code>
      </th>
      <td>{cell(row.desired)}</td>
      <td>{cell(row.reported)}</td>
      <td>{cell(row.delta)}</td>
      <td>
        <StatusIndicator type={type}>{row.reason ?? text}</StatusIndicator>
        {row.state === 'rejected' && isSetByUs && (
          <AdminButton
            variant="inline-link"
            ariaLabel={`Take ${row.key} out of desired`}
            onClick={remove}
          >
            take it out
          </AdminButton>
        )}
      </td>
    </tr>
  );
}
