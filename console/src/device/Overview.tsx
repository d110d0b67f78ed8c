import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { lazy, Suspense } from 'react';
import { useHome, useParts } from '../app/context';
import { catalogRow, describeThing, endpoint } from '../cli/lines';
import { PressSwitch } from '../devices/PressSwitch';
import { Picture } from '../pictures/Picture';
import { CliLine } from '../ui/CliLine';
import { Age, Link } from '../ui/small';
import { moment } from '../values/time';
import type { OfDevice } from './ofDevice';
import { WhyBox } from '../timeline/WhyBox';
import { QuickButtons } from './QuickButtons';

const Lines = lazy(() => import('./Lines'));

/** The picture, what is wrong, where it is connected, and its telemetry as lines. */
export function Overview(given: OfDevice) {
  const { thingName, device, facts } = given;
  const { config } = useParts();
  const home = useHome();
  const { catalog, presence, execution } = device;
  return (
    <SpaceBetween size="m">
      <WhyBox thingName={thingName} isShort />
      <ColumnLayout columns={2} minColumnWidth={300}>
        <Container header={<Header variant="h2">Now</Header>} fitHeight>
          <div className="big-picture">
            {catalog.deviceType === 'switch' ? (
              <PressSwitch thingName={thingName} facts={facts} />
            ) : (
              <Picture type={catalog.deviceType} facts={facts} />
            )}
          </div>
          <QuickButtons {...given} />
        </Container>
        <Container header={<Header variant="h2">Endpoint</Header>} fitHeight>
          <SpaceBetween size="s">
            <KeyValuePairs
              columns={2}
              items={[
                { label: 'Broker', value: <code className="breakable">{config.iotEndpoint}</code> },
                { label: 'Client id', value: <code className="breakable">{thingName}</code> },
                {
                  label: 'Connection',
                  value:
                    presence === null ? (
                      'presence has said nothing yet'
                    ) : (
                      <>
                        {presence.connected ? 'connected' : 'disconnected'} <Age at={presence.at} />
                      </>
                    ),
                },
                { label: 'From', value: presence?.ip ?? catalog.ip ?? '–' },
                {
                  label: 'Why disconnected',
                  value: presence?.disconnectReason || catalog.disconnectReason || '–',
                },
                {
                  label: 'MQTT session',
                  value: <code className="breakable">{presence?.sessionIdentifier ?? '–'}</code>,
                },
                { label: 'Made', value: moment(catalog.createdAt) },
                ...(catalog.expiresAt === null
                  ? []
                  : [{ label: 'Expires', value: moment(catalog.expiresAt) }]),
                {
                  label: 'Made by',
                  value: execution ? (
                    <Link to={`/executions/${encodeURIComponent(execution.executionName)}`}>
                      {execution.workflow}, {execution.status}
                    </Link>
                  ) : (
                    'an execution that is forgotten by now'
                  ),
                },
                {
                  label: 'Task',
                  value: (
                    <code className="breakable">{catalog.taskArn ?? catalog.host ?? '–'}</code>
                  ),
                },
              ]}
            />
            <CliLine line={endpoint(home)} label="the account’s endpoint" />
            <CliLine line={describeThing(home, thingName)} label="describe the thing" />
            <CliLine line={catalogRow(home, thingName)} label="the row of the catalog" />
          </SpaceBetween>
        </Container>
      </ColumnLayout>
      <Container header={<Header variant="h2">Telemetry</Header>}>
        <Suspense fallback={<Spinner />}>
          <Lines {...given} />
        </Suspense>
      </Container>
    </SpaceBetween>
  );
}
