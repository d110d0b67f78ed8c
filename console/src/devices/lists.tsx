import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useRef, useState } from 'react';
import type { Device } from '../api/api';
import { useTold } from '../app/context';
import { told as toldOf } from '../live/message';
import { Picture } from '../pictures/Picture';
import { Age, Link, Status } from '../ui/small';
import { PressSwitch } from './PressSwitch';
import { useFacts } from './useFacts';

interface Given {
  devices: Device[];
}

const CARD_WIDTH = 250;
const CARD_HEIGHT = 252;
const ROW_HEIGHT = 52;

/** Cards with pictures. Only those that can be seen are drawn, however many there are. */
export function DeviceCards({ devices }: Given) {
  const box = useRef<HTMLDivElement>(null);
  const { width, top } = usePlace(box);
  const columns = Math.max(1, Math.floor((width || CARD_WIDTH) / CARD_WIDTH));
  const rows = useWindowVirtualizer({
    count: Math.ceil(devices.length / columns),
    estimateSize: () => CARD_HEIGHT,
    overscan: 2,
    scrollMargin: top,
  });
  return (
    <div ref={box} role="list" aria-label="Devices" data-testid="devices">
      <div className="virtual" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => (
          <div
            key={row.key}
            role="presentation"
            className="card-row"
            style={{
              transform: `translateY(${String(row.start - top)}px)`,
              gridTemplateColumns: `repeat(${String(columns)}, minmax(0, 1fr))`,
            }}
          >
            {devices.slice(row.index * columns, (row.index + 1) * columns).map((device, at) => (
              <DeviceCard
                key={device.thingName}
                device={device}
                place={row.index * columns + at + 1}
                count={devices.length}
              />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

const pathOf = (device: Device): string => `/devices/${encodeURIComponent(device.thingName)}`;

interface OfDevice {
  device: Device;
  place: number;
  count: number;
}

const DeviceCard = memo(function DeviceCard({ device, place, count }: OfDevice) {
  const { facts, told } = useFacts(device);
  const latest = told?.recent.at(-1);
  return (
    <div
      className="card"
      role="listitem"
      aria-posinset={place}
      aria-setsize={count}
      data-testid="device-row"
      data-device={device.thingName}
    >
      <div className="card-head">
        <Link to={pathOf(device)}>
          <span className="clip">{device.thingName}</span>
        </Link>
        <Status status={device.status} />
      </div>
      <div className="card-picture">
        {device.deviceType === 'switch' ? (
          <PressSwitch thingName={device.thingName} facts={facts} />
        ) : (
          <Picture type={device.deviceType} facts={facts} />
        )}
      </div>
      <div className="card-foot">
        <span>{device.deviceType}</span>
        <span data-testid="last-message">
          <Age at={told?.at} none="no message yet" />
        </span>
      </div>
      <div className="card-said clip" title={device.statusReason ?? undefined}>
        {latest ? toldOf(latest) : (device.statusReason ?? ' ')}
      </div>
    </div>
  );
});

/** One line for each device. */
export function DeviceTable({ devices }: Given) {
  const box = useRef<HTMLDivElement>(null);
  const { top } = usePlace(box);
  const rows = useWindowVirtualizer({
    count: devices.length,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    scrollMargin: top,
  });
  return (
    <div
      role="table"
      aria-label="Devices"
      aria-rowcount={devices.length + 1}
      className="table"
      data-testid="devices"
    >
      <div role="row" aria-rowindex={1} className="row row-head">
        {['', 'Name', 'Type', 'Status', 'Last message', 'Said last', 'Made'].map((title) => (
          <span role="columnheader" key={title} aria-label={title || 'Picture'}>
            {title}
          </span>
        ))}
      </div>
      <div ref={box} role="rowgroup" className="virtual" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const device = devices[row.index];
          return (
            device && (
              <div
                key={device.thingName}
                role="row"
                aria-rowindex={row.index + 2}
                className="row"
                data-testid="device-row"
                data-device={device.thingName}
                style={{ transform: `translateY(${String(row.start - top)}px)` }}
              >
                <DeviceRow device={device} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

const DeviceRow = memo(function DeviceRow({ device }: { device: Device }) {
  const { facts, told } = useFacts(device);
  const latest = told?.recent.at(-1);
  return (
    <>
      <span role="cell" className="cell-picture">
        <Picture type={device.deviceType} facts={facts} />
      </span>
      <span role="cell" className="clip">
        <Link to={pathOf(device)}>{device.thingName}</Link>
      </span>
      <span role="cell">{device.deviceType}</span>
      <span role="cell">
        <Status status={device.status} />
      </span>
      <span role="cell" data-testid="last-message">
        <LastMessage thingName={device.thingName} />
      </span>
      <span role="cell" className="clip quiet" title={device.statusReason ?? undefined}>
        {latest ? toldOf(latest) : (device.statusReason ?? '')}
      </span>
      <span role="cell">
        <Age at={device.createdAt} />
      </span>
    </>
  );
});

function LastMessage({ thingName }: { thingName: string }) {
  const told = useTold(thingName);
  return <Age at={told?.at} none="none yet" />;
}

/** How wide a part of the page is, and how far from the page's top. */
function usePlace(box: React.RefObject<HTMLElement | null>): { width: number; top: number } {
  const [place, setPlace] = useState({ width: 0, top: 0 });
  useEffect(() => {
    const part = box.current;
    if (!part) return undefined;
    const watcher = new ResizeObserver(() => {
      const found = part.getBoundingClientRect();
      const next = { width: found.width, top: Math.round(found.top + window.scrollY) };
      setPlace((known) => (known.width === next.width && known.top === next.top ? known : next));
    });
    watcher.observe(part);
    // What stands above may have grown.
    watcher.observe(document.body);
    return () => {
      watcher.disconnect();
    };
  }, [box]);
  return place;
}
