import { memo, useState } from 'react';
import { told, type Message } from '../live/message';
import { Empty, PayloadText } from '../ui/small';
import { clock, size } from '../values/time';
import { PropertyList } from './PropertyList';

interface Given {
  messages: readonly Message[];
  isOfOneDevice?: boolean;
}

/** Messages, the newest first; each opens to its payload and properties. */
export const MessageList = memo(function MessageList({ messages, isOfOneDevice = false }: Given) {
  if (messages.length === 0) {
    return (
      <Empty title="No message yet">
        Telemetry comes every 60 seconds unless the setting time says otherwise. A command or a
        change of a setting is seen at once.
      </Empty>
    );
  }
  return (
    <ol className="messages" data-testid="messages">
      {messages.map((message) => (
        <Line key={message.id} message={message} isOfOneDevice={isOfOneDevice} />
      ))}
    </ol>
  );
});

const Line = memo(function Line({
  message,
  isOfOneDevice,
}: {
  message: Message;
  isOfOneDevice: boolean;
}) {
  const [open, setOpen] = useState(false);
  return (
    <li className={`message kind-${message.kind}`} data-testid={`message-${message.kind}`}>
      <button
        type="button"
        className="message-line"
        aria-expanded={open}
        onClick={() => {
          setOpen(!open);
        }}
      >
        <time dateTime={new Date(message.at).toISOString()}>{clock(message.at)}</time>
        <span className="message-kind">{message.kind}</span>
        {!isOfOneDevice && <span className="message-thing clip">{message.thingName ?? ''}</span>}
        <span className="clip message-told">{told(message)}</span>
        <span className="message-size">{size(message.payload.size)}</span>
      </button>
      {open && (
        <div className="message-open">
          <code className="breakable">{message.topic}</code>
          <PropertyList message={message} />
          <PayloadText payload={message.payload} />
        </div>
      )}
    </li>
  );
});
