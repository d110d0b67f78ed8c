import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { dataOf } from '../api/api';
import { useHome, useParts } from '../app/context';
import { createJob, findings, jobsOf, link, playground, startWorkflow } from '../cli/lines';
import { AdminButton } from '../ui/AdminButton';
import { CliLine } from '../ui/CliLine';
import { ErrorBox, Empty, Link } from '../ui/small';
import { moment } from '../values/time';
import { shadowOf, type OfDevice } from './ofDevice';

/** Links, jobs, findings, quarantine and restart: what the API has is done here, else the line. */
export function MoreTab(given: OfDevice) {
  return (
    <ColumnLayout columns={2} minColumnWidth={320}>
      {given.device.catalog.deviceType === 'switch' && <LinksBox {...given} />}
      <Jobs {...given} />
      <Findings {...given} />
      <Quarantine {...given} />
      <Restart {...given} />
    </ColumnLayout>
  );
}

function LinksBox({ thingName, device }: OfDevice) {
  const { api, queries } = useParts();
  const home = useHome();
  const [target, setTarget] = useState('');
  const { desired, reported } = shadowOf(device);
  const names = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  const targets = names(desired.links);
  const refused = names(reported.refusedLinks);
  const change = useMutation({
    mutationFn: ({ to, add }: { to: string; add: boolean }) => {
      const params = { params: { path: { thingName, target: to } } };
      return dataOf(
        add
          ? api.PUT('/v1/devices/{thingName}/links/{target}', params)
          : api.DELETE('/v1/devices/{thingName}/links/{target}', params),
      );
    },
    onSuccess: () => {
      setTarget('');
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['device', thingName] }),
  });
  return (
    <Container header={<Header variant="h2">Links: bulbs that it drives</Header>}>
      <SpaceBetween size="s">
        {targets.length === 0 && (
          <span className="quiet">None yet. Name a bulb; the switch then drives its light.</span>
        )}
        <ul className="plain" data-testid="links">
          {targets.map((one) => (
            <li key={one}>
              <Link to={`/devices/${encodeURIComponent(one)}`}>{one}</Link>{' '}
              {refused.includes(one) && <Box variant="span">refused by its policy</Box>}{' '}
              <AdminButton
                variant="inline-link"
                ariaLabel={`Unlink ${one}`}
                onClick={() => {
                  change.mutate({ to: one, add: false });
                }}
              >
                unlink
              </AdminButton>
            </li>
          ))}
        </ul>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (target) change.mutate({ to: target, add: true });
          }}
        >
          <FormField
            label="Link a bulb"
            secondaryControl={
              <AdminButton
                formAction="submit"
                disabled={target === ''}
                loading={change.isPending}
                loadingText="Linking"
                data-testid="link-submit"
              >
                Link
              </AdminButton>
            }
          >
            <Input
              value={target}
              placeholder="lamp"
              data-testid="link-target"
              onChange={({ detail }) => {
                setTarget(detail.value.trim());
              }}
            />
          </FormField>
        </form>
        <CliLine line={link(home, 'link', thingName, target || 'lamp')} label="link a bulb" />
        {change.error !== null && <ErrorBox error={change.error} />}
      </SpaceBetween>
    </Container>
  );
}

const JOBS = [
  { words: 'Change the unit', document: { operation: 'change-unit', unit: 'imperial' } },
  { words: 'Change the certificate', document: { operation: 'rotate-cert' } },
];

function Jobs({ thingName }: OfDevice) {
  const home = useHome();
  return (
    <Container
      header={
        <Header variant="h2" description="AWS IoT Jobs: do this once, and tell how it goes.">
          Jobs
        </Header>
      }
    >
      <SpaceBetween size="s">
        <Recent thingName={thingName} kinds={['job']} none="No job yet: this makes one." />
        {JOBS.map(({ words, document }) => (
          <div key={words}>
            <Box variant="awsui-key-label">{words}</Box>
            <CliLine
              line={createJob(home, thingName, `${thingName}-${document.operation}`, document)}
              label={words}
            />
          </div>
        ))}
        <Box variant="awsui-key-label">All of this device</Box>
        <CliLine line={jobsOf(home, thingName)} label="list the jobs of the device" />
      </SpaceBetween>
    </Container>
  );
}

function Findings({ thingName }: OfDevice) {
  const home = useHome();
  return (
    <Container
      header={
        <Header variant="h2" description="What the detector has found that the device does wrong.">
          Findings
        </Header>
      }
    >
      <SpaceBetween size="s">
        <Recent
          thingName={thingName}
          kinds={['finding', 'quarantine']}
          none="None. Three times the command authorization-error makes one."
        />
        <CliLine line={findings(home, thingName)} label="list the findings" />
        <CliLine line={playground('findings', thingName)} label="list the findings, in words" />
      </SpaceBetween>
    </Container>
  );
}

/** The latest entries of some kinds of the timeline. */
function Recent({ thingName, kinds, none }: { thingName: string; kinds: string[]; none: string }) {
  const { api } = useParts();
  const { data, isPending } = useQuery({
    queryKey: ['timeline', thingName, 'latest'],
    queryFn: ({ signal }) =>
      dataOf(
        api.GET('/v1/devices/{thingName}/timeline', {
          params: { path: { thingName }, query: { limit: 100 } },
          signal,
        }),
      ),
  });
  const entries = data?.entries.filter(({ kind }) => kinds.includes(kind)).slice(0, 5) ?? [];
  if (entries.length === 0) return <span className="quiet">{isPending ? 'Asking …' : none}</span>;
  return (
    <ul className="plain">
      {entries.map(({ id, at, text }) => (
        <li key={id}>
          <time dateTime={at}>{moment(at)}</time> {text}
        </li>
      ))}
    </ul>
  );
}

function Quarantine({ thingName, device }: OfDevice) {
  const { api } = useParts();
  const home = useHome();
  const [reason, setReason] = useState('');
  const isIn = device.catalog.status === 'QUARANTINED';
  const params = { path: { thingName } };
  const change = useStarted(thingName, () =>
    dataOf(
      isIn
        ? api.DELETE('/v1/devices/{thingName}/quarantine', { params })
        : api.PUT('/v1/devices/{thingName}/quarantine', { params, body: { reason } }),
    ),
  );
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="In quarantine a device may follow its shadow and its jobs, and nothing else."
        >
          Quarantine
        </Header>
      }
    >
      <SpaceBetween size="s">
        <span data-testid="quarantine" data-state={isIn ? 'in' : 'out'}>
          {isIn
            ? `The device is in quarantine: ${device.catalog.statusReason ?? 'no reason is told'}.`
            : 'The device is not in quarantine.'}
        </span>
        {isIn ? (
          <>
            <AdminButton
              loading={change.isPending}
              loadingText="Starting the workflow"
              data-testid="release-submit"
              onClick={() => {
                change.mutate();
              }}
            >
              Let it out
            </AdminButton>
            <CliLine
              line={startWorkflow(home, 'release-device', { thingName })}
              label="let it out"
            />
            <CliLine line={playground('release', thingName)} label="let it out, and follow it" />
          </>
        ) : (
          <>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                if (reason.trim()) change.mutate();
              }}
            >
              <FormField
                label="Why"
                secondaryControl={
                  <AdminButton
                    formAction="submit"
                    disabled={reason.trim() === ''}
                    loading={change.isPending}
                    loadingText="Starting the workflow"
                    data-testid="quarantine-submit"
                  >
                    Confine it
                  </AdminButton>
                }
              >
                <Input
                  value={reason}
                  placeholder="looks odd"
                  data-testid="quarantine-reason"
                  onChange={({ detail }) => {
                    setReason(detail.value);
                  }}
                />
              </FormField>
            </form>
            <CliLine
              line={startWorkflow(home, 'quarantine-device', {
                thingName,
                reason: reason.trim() || 'looks odd',
              })}
              label="confine it"
            />
            <CliLine
              line={playground('quarantine', thingName, '--reason', reason.trim() || 'looks odd')}
              label="confine it, and follow it"
            />
          </>
        )}
        {change.error !== null && <ErrorBox error={change.error} />}
      </SpaceBetween>
    </Container>
  );
}

function Restart({ thingName, device }: OfDevice) {
  const { api } = useParts();
  const home = useHome();
  const change = useStarted(thingName, () =>
    dataOf(api.POST('/v1/devices/{thingName}/restart', { params: { path: { thingName } } })),
  );
  const stop = useStarted(thingName, () =>
    dataOf(api.POST('/v1/devices/{thingName}/stop', { params: { path: { thingName } } })),
  );
  if (device.catalog.status === 'TERMINATED') {
    return <Empty title="The device was removed">Its name is free.</Empty>;
  }
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="A restart gives it a new task and a new certificate. Stopped, it has no task and costs nothing. The shadow stays."
        >
          Restart and stop
        </Header>
      }
    >
      <SpaceBetween size="s">
        <AdminButton
          loading={change.isPending}
          loadingText="Starting the workflow"
          data-testid="restart-submit"
          onClick={() => {
            change.mutate();
          }}
        >
          Restart it
        </AdminButton>
        <CliLine line={startWorkflow(home, 'restart-device', { thingName })} label="restart it" />
        {change.error !== null && <ErrorBox error={change.error} />}
        {device.catalog.status !== 'STOPPED' && (
          <>
            <AdminButton
              loading={stop.isPending}
              loadingText="Starting the workflow"
              data-testid="stop-submit"
              onClick={() => {
                stop.mutate();
              }}
            >
              Stop it
            </AdminButton>
            <CliLine
              line={startWorkflow(home, 'restart-device', { thingName, stop: true })}
              label="stop it"
            />
          </>
        )}
        {stop.error !== null && <ErrorBox error={stop.error} />}
      </SpaceBetween>
    </Container>
  );
}

/** Start a workflow of the device, and then lead to its execution. */
function useStarted(thingName: string, start: () => Promise<{ executionName: string }>) {
  const { queries } = useParts();
  const [, navigate] = useLocation();
  return useMutation({
    mutationFn: start,
    onSuccess: ({ executionName }) => {
      void queries.invalidateQueries({ queryKey: ['devices'] });
      void queries.invalidateQueries({ queryKey: ['device', thingName] });
      navigate(`/executions/${encodeURIComponent(executionName)}`);
    },
  });
}
