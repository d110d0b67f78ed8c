import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useState } from 'react';
import { playgroundLogs } from '../cli/lines';
import { MessageList } from '../messages/MessageList';
import { CliLine } from '../ui/CliLine';
import type { OfDevice } from './ofDevice';

const MOST = 200;

/** What the device says and is told, as it comes. */
export function LogTab({ thingName, told }: OfDevice) {
  const [withTelemetry, setWithTelemetry] = useState(true);
  const messages =
    told?.recent.newest(MOST, ({ kind }) => withTelemetry || kind !== 'telemetry') ?? [];
  return (
    <SpaceBetween size="m">
      <Container
        header={
          <Header
            variant="h2"
            description={`The latest ${String(MOST)} messages since this page is open.`}
            actions={
              <Toggle
                checked={withTelemetry}
                onChange={({ detail }) => {
                  setWithTelemetry(detail.checked);
                }}
              >
                Telemetry too
              </Toggle>
            }
          >
            Log
          </Header>
        }
      >
        <MessageList messages={messages} isOfOneDevice />
      </Container>
      <CliLine
        line={`${playgroundLogs(thingName)} --follow`}
        label="follow all logs of the device"
      />
    </SpaceBetween>
  );
}
