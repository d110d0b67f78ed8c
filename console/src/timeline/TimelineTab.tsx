import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Multiselect from '@cloudscape-design/components/multiselect';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useInfiniteQuery } from '@tanstack/react-query';
import { memo, useState } from 'react';
import { dataOf, type TimelineEntry } from '../api/api';
import { useParts } from '../app/context';
import { useSoon } from '../app/useSoon';
import type { OfDevice } from '../device/ofDevice';
import { Empty, ErrorBox, JsonText } from '../ui/small';
import { clock, latency, moment } from '../values/time';
import { ExplainForm } from './ExplainForm';
import { WhyBox } from './WhyBox';

const KINDS: TimelineEntry['kind'][] = [
  'desired',
  'delta',
  'reported',
  'rejected',
  'connected',
  'disconnected',
  'event',
  'command',
  'reply',
  'refused',
  'job',
  'workflow',
  'finding',
  'quarantine',
];

/** What happened to the device, and why; the newest first. */
export default function TimelineTab({ thingName, told }: OfDevice) {
  const { api } = useParts();
  const [kinds, setKinds] = useState<string[]>([]);
  const query = useInfiniteQuery({
    queryKey: ['timeline', thingName],
    queryFn: ({ pageParam, signal }) =>
      dataOf(
        api.GET('/v1/devices/{thingName}/timeline', {
          params: {
            path: { thingName },
            query: { limit: 50, ...(pageParam && { nextToken: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextToken,
    refetchInterval: 15_000,
  });
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  // A message has come: its entry is written a moment later, so look twice.
  useSoon(
    told?.changes ?? 0,
    () => {
      void refetch();
    },
    400,
    2000,
  );
  const entries = data?.pages.flatMap((page) => page.entries) ?? [];
  const shown = kinds.length === 0 ? entries : entries.filter(({ kind }) => kinds.includes(kind));
  return (
    <SpaceBetween size="m">
      <WhyBox thingName={thingName} />
      <Container
        header={
          <Header
            variant="h2"
            actions={
              <Multiselect
                selectedOptions={kinds.map((value) => ({ value, label: value }))}
                options={KINDS.map((value) => ({ value, label: value }))}
                placeholder="All kinds"
                ariaLabel="Only these kinds"
                hideTokens
                onChange={({ detail }) => {
                  setKinds(detail.selectedOptions.map((option) => option.value ?? ''));
                }}
              />
            }
          >
            Timeline
          </Header>
        }
      >
        {error !== null && data === undefined && (
          <ErrorBox
            error={error}
            again={() => {
              void refetch();
            }}
          />
        )}
        {isPending && <Spinner />}
        {data !== undefined && shown.length === 0 && (
          <Empty title="Nothing on record">
            {kinds.length > 0
              ? 'No entry of these kinds. Choose others.'
              : 'Change a setting or give a command: what comes of it is recorded.'}
          </Empty>
        )}
        <ol className="timeline" data-testid="timeline">
          {shown.map((entry, at) => (
            <Entry key={entry.id} entry={entry} day={dayOf(entry, shown[at - 1])} />
          ))}
        </ol>
        {hasNextPage && (
          <Button
            loading={isFetchingNextPage}
            loadingText="Asking for earlier entries"
            onClick={() => {
              void fetchNextPage();
            }}
          >
            Earlier
          </Button>
        )}
      </Container>
      <ExplainForm thingName={thingName} />
    </SpaceBetween>
  );
}

/** The day of an entry, when it is not that of the entry before. */
function dayOf(entry: TimelineEntry, before: TimelineEntry | undefined): string | undefined {
  const day = moment(entry.at).slice(0, 10);
  return before && moment(before.at).slice(0, 10) === day ? undefined : day;
}

const Entry = memo(function Entry({
  entry,
  day,
}: {
  entry: TimelineEntry;
  day: string | undefined;
}) {
  const [open, setOpen] = useState(false);
  const hasMore = Object.keys(entry.detail).length > 0;
  return (
    <>
      {day !== undefined && <li className="entry-day">{day}</li>}
      <li
        className={`entry entry-${entry.kind} ${entry.trouble ? 'entry-trouble' : ''}`}
        data-testid={`entry-${entry.kind}`}
        data-trouble={entry.trouble}
      >
        <button
          type="button"
          className="entry-line"
          aria-expanded={open}
          disabled={!hasMore}
          onClick={() => {
            setOpen(!open);
          }}
        >
          <time dateTime={entry.at}>{clock(entry.at)}</time>
          <span className="entry-kind">
            {entry.trouble && <span aria-label="trouble">⚠ </span>}
            {entry.kind}
          </span>
          <span className="entry-text">{entry.text}</span>
          <span className="entry-latency">
            {entry.latencyMs !== null && `+${latency(entry.latencyMs)}`}
          </span>
        </button>
        {open && <JsonText value={entry.detail} />}
      </li>
    </>
  );
});
