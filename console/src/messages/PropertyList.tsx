import type { Message } from '../live/message';

/** QoS and the properties of MQTT 5 that the message has. */
export function PropertyList({ message }: { message: Message }) {
  const { properties } = message;
  const rows: [string, string][] = [
    ['QoS', String(message.qos)],
    ['retain', message.retain ? 'yes' : 'no'],
  ];
  if (properties.contentType !== undefined) rows.push(['content type', properties.contentType]);
  if (properties.responseTopic !== undefined)
    rows.push(['response topic', properties.responseTopic]);
  if (properties.correlationData !== undefined) {
    rows.push(['correlation data', properties.correlationData]);
  }
  if (properties.messageExpiryInterval !== undefined) {
    rows.push(['expires after', `${String(properties.messageExpiryInterval)} s`]);
  }
  if (properties.payloadFormatIndicator !== undefined) {
    rows.push(['payload format', properties.payloadFormatIndicator ? 'text in UTF-8' : 'bytes']);
  }
  rows.push(...(properties.userProperties ?? []));
  return (
    <dl className="properties">
      {rows.map(([name, value], at) => (
        // Names of user properties may come more than once.
        <div key={`${name} ${String(at)}`}>
          <dt>{name}</dt>
          <dd className="breakable">{value.slice(0, 500)}</dd>
        </div>
      ))}
    </dl>
  );
}
