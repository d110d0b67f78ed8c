import SpaceBetween from '@cloudscape-design/components/space-between';
import { AdminButton } from '../ui/AdminButton';
import type { OfDevice } from './ofDevice';
import { useCommand } from './useCommand';
import { useChange } from './useChange';

/** The buttons of the seed's page. All commands, with arguments, are in their own tab. */
const QUICK = [
  { command: 'tamper', label: 'Tamper' },
  { command: 'reconnect', label: 'Reconnect' },
  { command: 'clean', label: 'Clean disconnect' },
  { command: 'large', label: 'Large payload' },
  { command: 'authorization-error', label: 'Authorisation error' },
];

export function QuickButtons({ thingName, device, facts }: OfDevice) {
  const command = useCommand(thingName);
  const change = useChange(thingName);
  const type = device.catalog.deviceType;
  const busy = command.isPending ? command.variables.command : undefined;
  const lit = facts.reported.status === 'on';
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {type === 'bulb' && (
        <AdminButton
          loading={change.isPending}
          loadingText="The shadow is being changed"
          data-testid="toggle-light"
          onClick={() => {
            change.mutate({ status: lit ? 'off' : 'on' });
          }}
        >
          {lit ? 'Light off' : 'Light on'}
        </AdminButton>
      )}
      {[...(type === 'switch' ? [{ command: 'press', label: 'Press' }] : []), ...QUICK].map(
        (row) => (
          <AdminButton
            key={row.command}
            loading={busy === row.command}
            loadingText={`${row.label}: waiting for the reply`}
            disabled={!facts.isOnline}
            disabledReason="The device is not online: a command is not kept for later."
            data-testid={`quick-${row.command}`}
            onClick={() => {
              command.mutate({ command: row.command });
            }}
          >
            {row.label}
          </AdminButton>
        ),
      )}
    </SpaceBetween>
  );
}
