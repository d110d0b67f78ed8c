import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { memo, useDeferredValue, useState, type Dispatch, type SetStateAction } from 'react';
import { useLiveState, useLiveVersion, useParts } from '../app/context';
import { playgroundListen } from '../cli/lines';
import type { Message } from '../live/message';
import { CliLine } from '../ui/CliLine';
import { Empty, PayloadText } from '../ui/small';
import { differences, type Difference } from '../values/difference';
import { brief } from '../values/json';
import { age, clock } from '../values/time';
import { MessageList } from './MessageList';
import { PropertyList } from './PropertyList';
import { PublishForm } from './PublishForm';
import { linesOf, matches, type TopicLine } from './tree';

const MOST = 60;
const MOST_LINES = 200;

/** All messages: topics as a tree, and what changed since the message before. */
export default function MessagesView() {
  const { store } = useParts();
  const state = useLiveState();
  useLiveVersion(250);
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(['dt/playground']));
  const [topic, setTopic] = useState<string>();
  const [filter, setFilter] = useState('');
  /** What there was when the list was held. */
  const [held, setHeld] = useState<Message[]>();
  const fits = (message: Message): boolean =>
    (topic === undefined || message.topic === topic || message.topic.startsWith(`${topic}/`)) &&
    (filter === '' || matches(filter, message.topic));
  const shown = held?.filter(fits).slice(0, MOST) ?? store.all.newest(MOST, fits);
  const lines = linesOf(store.topics.root, open);
  // Many messages a second are drawn in slices, between which the page stays at hand.
  const drawn = useDeferredValue(shown);
  const drawnLines = useDeferredValue(lines);
  const latest = topic === undefined ? undefined : store.latest.get(topic);
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        counter={`(${String(store.topics.root.all)})`}
        description="What devices say and are told, since this page is open."
        actions={
          <SpaceBetween direction="horizontal" size="s">
            <Toggle
              checked={held !== undefined}
              data-testid="hold"
              onChange={({ detail }) => {
                setHeld(detail.checked ? store.all.newest(store.all.length) : undefined);
              }}
            >
              Hold the list
            </Toggle>
          </SpaceBetween>
        }
      >
        Messages
      </Header>
      <div className="messages-view">
        <Container header={<Header variant="h2">Topics</Header>}>
          {lines.length === 0 ? (
            <Empty title="No topic yet">
              {state.kind === 'live'
                ? 'The connection is open. A device that sends, or a command to one, appears here.'
                : 'The connection is not open yet.'}
            </Empty>
          ) : (
            <Tree lines={drawnLines} topic={topic} setOpen={setOpen} setTopic={setTopic} />
          )}
          {lines.length > MOST_LINES && (
            <p className="quiet">{lines.length - MOST_LINES} more: close some levels.</p>
          )}
        </Container>
        <SpaceBetween size="m">
          {latest && <Latest last={latest.last} before={latest.before} />}
          <Container
            header={
              <Header
                variant="h2"
                description={
                  held !== undefined
                    ? 'Held: newer messages are kept and not shown.'
                    : `The newest ${String(MOST)}${topic === undefined ? '' : ` of ${topic}`}.`
                }
                actions={
                  topic !== undefined && (
                    <Button
                      onClick={() => {
                        setTopic(undefined);
                      }}
                    >
                      All topics
                    </Button>
                  )
                }
              >
                Messages
              </Header>
            }
          >
            <SpaceBetween size="s">
              <Input
                value={filter}
                type="search"
                placeholder="Topic filter, such as dt/playground/+/telemetry"
                ariaLabel="Only messages that this topic filter takes in"
                data-testid="topic-filter"
                onChange={({ detail }) => {
                  setFilter(detail.value.trim());
                }}
              />
              <CliLine
                line={playgroundListen(filter || (topic === undefined ? '#' : `${topic}/#`))}
                label="listen in a shell"
              />
              <MessageList messages={drawn} />
            </SpaceBetween>
          </Container>
          <PublishForm topic={topic} />
        </SpaceBetween>
      </div>
    </SpaceBetween>
  );
}

interface OfTree {
  lines: readonly TopicLine[];
  topic: string | undefined;
  setOpen: Dispatch<SetStateAction<ReadonlySet<string>>>;
  setTopic: (topic: string | undefined) => void;
}

const Tree = memo(function Tree({ lines, topic, setOpen, setTopic }: OfTree) {
  return (
    <ul className="tree" data-testid="topics" aria-label="Topics">
      {lines.slice(0, MOST_LINES).map(({ node, depth, label, open, count }) => (
        <TopicItem
          key={node.topic}
          topic={node.topic}
          label={label}
          depth={depth}
          count={count}
          isOpen={node.children.size > 0 ? open : undefined}
          isChosen={topic === node.topic}
          setOpen={setOpen}
          setTopic={setTopic}
        />
      ))}
    </ul>
  );
});

interface OfTopic {
  topic: string;
  label: string;
  depth: number;
  count: number;
  /** Undefined when there is nothing below it. */
  isOpen: boolean | undefined;
  isChosen: boolean;
  setOpen: Dispatch<SetStateAction<ReadonlySet<string>>>;
  setTopic: (topic: string | undefined) => void;
}

/** A line of the tree; drawn again only when something of it has changed. */
const TopicItem = memo(function TopicItem(given: OfTopic) {
  const { topic, label, depth, count, isOpen, isChosen, setOpen, setTopic } = given;
  return (
    <li style={{ paddingInlineStart: depth * 14 }}>
      {isOpen === undefined ? (
        <span className="tree-open" aria-hidden="true" />
      ) : (
        <button
          type="button"
          className="tree-open"
          aria-expanded={isOpen}
          aria-label={`${isOpen ? 'Close' : 'Open'} ${topic}`}
          onClick={() => {
            setOpen((known) => {
              const next = new Set(known);
              if (!next.delete(topic)) next.add(topic);
              return next;
            });
          }}
        >
          {isOpen ? '▾' : '▸'}
        </button>
      )}
      <button
        type="button"
        className={`tree-topic ${isChosen ? 'tree-chosen' : ''}`}
        aria-pressed={isChosen}
        title={topic}
        onClick={() => {
          setTopic(isChosen ? undefined : topic);
        }}
      >
        <span className="clip">{label}</span>
        <span className="tree-count">{count}</span>
      </button>
    </li>
  );
});

/** The latest message of one topic, and what differs from the one before. */
function Latest({ last, before }: { last: Message; before: Message | undefined }) {
  const found =
    last.payload.value !== undefined && before?.payload.value !== undefined
      ? differences(before.payload.value, last.payload.value)
      : undefined;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            before
              ? `${clock(last.at)}, ${age(last.at - before.at)} after the one before`
              : clock(last.at)
          }
        >
          <span className="breakable">{last.topic}</span>
        </Header>
      }
    >
      <SpaceBetween size="s">
        <PropertyList message={last} />
        {found && <Differences found={found} />}
        <PayloadText payload={last.payload} />
      </SpaceBetween>
    </Container>
  );
}

function Differences({ found }: { found: Difference[] }) {
  if (found.length === 0) return <p className="quiet">The same as the message before.</p>;
  return (
    <table className="grid" data-testid="differences">
      <caption>Differences to the message before</caption>
      <thead>
        <tr>
          <th scope="col">Member</th>
          <th scope="col">before</th>
          <th scope="col">now</th>
        </tr>
      </thead>
      <tbody>
        {found.slice(0, 50).map(({ path, before, after, kind }) => (
          <tr key={path} className={`difference-${kind}`}>
            <th scope="row">
              <code>{path || 'all of it'}</code>
            </th>
            <td>
              <code>{brief(before) || '–'}</code>
            </td>
            <td>
              <code>{brief(after) || '–'}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
