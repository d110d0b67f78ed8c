import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { Problem } from '../api/problem';
import { useParts, useTold } from '../app/context';
import { useSoon } from '../app/useSoon';
import { trailOf, useDescription } from '../devices/useFacts';
import type { Draft } from '../settings/draft';
import type { JsonObject } from '../values/json';
import { AdminButton } from '../ui/AdminButton';
import { Age, Empty, ErrorBox, Link, Status } from '../ui/small';
import { CertificateTab } from './CertificateTab';
import { CommandsTab } from './CommandsTab';
import { ConfigTab } from './ConfigTab';
import { DeleteDevice } from './DeleteDevice';
import { LogTab } from './LogTab';
import { MoreTab } from './MoreTab';
import { Overview } from './Overview';
import { ShadowTab } from './ShadowTab';
import type { OfDevice } from './ofDevice';

/** Milliseconds between two drawings of the whole view, however fast the device talks. */
const CALM = 150;

const TimelineTab = lazy(() => import('../timeline/TimelineTab'));

/** One device: the seed's page, alive. */
export default function DeviceView({ thingName, tab }: { thingName: string; tab: string }) {
  const { data, error, isPending, refetch } = useDescription(thingName, 15_000);
  const told = useTold(thingName, CALM);
  const { queries } = useParts();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState<Draft>({});
  const [deleting, setDeleting] = useState(false);
  useWatched(thingName);
  // A message of shadow or presence means that the API has news: ask it, but not for each.
  useSoon(
    told?.changes ?? 0,
    () => {
      void queries.invalidateQueries({ queryKey: ['device', thingName] });
    },
    250,
  );

  if (error instanceof Problem && error.status === 404) {
    return (
      <Empty title={`There is no device ${thingName}`} isPage>
        <Link to="/devices">All devices</Link>
      </Empty>
    );
  }
  if (data === undefined) {
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
  const { catalog } = data;
  const given: OfDevice = {
    thingName,
    device: data,
    told,
    facts: {
      reported: { ...((data.shadow?.reported ?? {}) as JsonObject), ...told?.reported },
      telemetry: told?.telemetry,
      trail: trailOf(told),
      isOnline: catalog.status === 'ONLINE' || catalog.status === 'QUARANTINED',
    },
  };
  const tabs = [
    { id: 'overview', label: 'Overview', content: <Overview {...given} /> },
    {
      id: 'config',
      label: 'Config',
      content: <ConfigTab {...given} draft={draft} setDraft={setDraft} />,
    },
    { id: 'shadow', label: 'Shadow', content: <ShadowTab {...given} /> },
    { id: 'commands', label: 'Commands', content: <CommandsTab {...given} /> },
    { id: 'timeline', label: 'Timeline and why', content: <TimelineTab {...given} /> },
    { id: 'certificate', label: 'Certificate', content: <CertificateTab {...given} /> },
    { id: 'log', label: 'Log', content: <LogTab {...given} /> },
    { id: 'more', label: 'Jobs, links, quarantine', content: <MoreTab {...given} /> },
  ];
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        description={
          <span className="facts">
            <Status status={catalog.status} testId="device-status" />
            <span>{catalog.deviceType}</span>
            <span>
              last message: <Age at={told?.at} none="none since this page is open" />
            </span>
            {catalog.statusReason !== null && <span>{catalog.statusReason}</span>}
          </span>
        }
        actions={
          <AdminButton
            data-testid="delete-device"
            disabled={catalog.beingRemoved || catalog.status === 'TERMINATED'}
            onClick={() => {
              setDeleting(true);
            }}
          >
            {catalog.beingRemoved ? 'Is being removed' : 'Delete'}
          </AdminButton>
        }
      >
        <span className="breakable">{thingName}</span>
      </Header>
      <Tabs
        activeTabId={`tab-${tabs.some(({ id }) => id === tab) ? tab : 'overview'}`}
        onChange={({ detail }) => {
          const path = `/devices/${encodeURIComponent(thingName)}`;
          const id = detail.activeTabId.replace('tab-', '');
          navigate(id === 'overview' ? path : `${path}/${id}`);
        }}
        ariaLabel="Sides of the device"
        tabs={tabs.map((one) => ({
          ...one,
          // It becomes the tab's data-testid, too.
          id: `tab-${one.id}`,
          content: <Suspense fallback={<Spinner />}>{one.content}</Suspense>,
        }))}
      />
      {deleting && (
        <DeleteDevice
          thingName={thingName}
          close={() => {
            setDeleting(false);
          }}
        />
      )}
    </SpaceBetween>
  );
}

/** More of its messages are kept as long as somebody looks. */
function useWatched(thingName: string): void {
  const { store } = useParts();
  useEffect(() => store.watch(thingName), [store, thingName]);
}
