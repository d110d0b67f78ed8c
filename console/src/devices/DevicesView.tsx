import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Select from '@cloudscape-design/components/select';
import Spinner from '@cloudscape-design/components/spinner';
import { lazy, Suspense, useDeferredValue, useMemo, useState } from 'react';
import type { Device, Status } from '../api/api';
import { useHome, useParts } from '../app/context';
import { catalog } from '../cli/lines';
import { AdminButton } from '../ui/AdminButton';
import { CliLine } from '../ui/CliLine';
import { Empty, ErrorBox } from '../ui/small';
import { DeviceCards, DeviceTable } from './lists';
import { TYPES } from './types';
import { useDevices } from './useDevices';

const CreateDevice = lazy(() => import('./CreateDevice'));

const STATUSES: Status[] = [
  'ONLINE',
  'OFFLINE',
  'PROVISIONING',
  'QUARANTINED',
  'STOPPED',
  'FAILED',
];
const ANY = { value: '', label: 'any' };

/** All devices, live. */
export default function DevicesView() {
  const { devices, isPending, error, refetch, isWhole } = useDevices();
  const { config } = useParts();
  const home = useHome();
  const [text, setText] = useState('');
  const [type, setType] = useState('');
  const [status, setStatus] = useState('');
  const [look, setLook] = useState('cards');
  const [creating, setCreating] = useState(false);
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const shown = useMemo(
    () => devices.filter((device) => fits(device, wanted, type, status)),
    [devices, wanted, type, status],
  );
  const online = devices.filter((device) => device.status === 'ONLINE').length;
  const isFiltered = wanted !== '' || type !== '' || status !== '';
  return (
    <section aria-labelledby="devices-title">
      <Header
        variant="h1"
        counter={`(${String(online)} online of ${String(devices.length)}${isWhole ? '' : '+'})`}
        actions={
          <AdminButton
            variant="primary"
            data-testid="create-device"
            onClick={() => {
              setCreating(true);
            }}
          >
            Create a device
          </AdminButton>
        }
      >
        <span id="devices-title">Devices</span>
      </Header>
      <div className="filters" role="search">
        <Input
          type="search"
          value={text}
          onChange={({ detail }) => {
            setText(detail.value);
          }}
          placeholder="Part of a name"
          ariaLabel="Only devices with this in their name"
          data-testid="filter-text"
        />
        <Select
          selectedOption={type ? { value: type, label: type } : ANY}
          options={[ANY, ...TYPES.map((value) => ({ value, label: value }))]}
          onChange={({ detail }) => {
            setType(detail.selectedOption.value ?? '');
          }}
          inlineLabelText="Type"
          data-testid="filter-type"
        />
        <Select
          selectedOption={status ? { value: status, label: status } : ANY}
          options={[ANY, ...STATUSES.map((value) => ({ value, label: value }))]}
          onChange={({ detail }) => {
            setStatus(detail.selectedOption.value ?? '');
          }}
          inlineLabelText="Status"
          data-testid="filter-status"
        />
        <SegmentedControl
          selectedId={look}
          label="Look"
          options={[
            { id: 'cards', text: 'Cards' },
            { id: 'table', text: 'Table' },
          ]}
          onChange={({ detail }) => {
            setLook(detail.selectedId);
          }}
        />
      </div>
      <CliLine line={catalog(home)} label="list the devices" />
      {config.home === 'local' && (
        <p className="quiet">
          Lines like this one work in a shell of the playground’s folder after{' '}
          <code>eval &quot;$(.venvs/bin/playground env)&quot;</code>
        </p>
      )}
      {error && (
        <ErrorBox
          error={error}
          again={() => {
            void refetch();
          }}
        />
      )}
      {isPending && <Spinner size="large" />}
      {!isPending && devices.length === 0 && (
        <Empty title="No devices yet">
          Make the first one: a bulb lights up when its shadow says so.
          <div className="gap">
            <AdminButton
              onClick={() => {
                setCreating(true);
              }}
            >
              Create a device
            </AdminButton>
          </div>
        </Empty>
      )}
      {devices.length > 0 && shown.length === 0 && (
        <Empty title="No device fits the filter">
          <Button
            onClick={() => {
              setText('');
              setType('');
              setStatus('');
            }}
          >
            Show all {String(devices.length)}
          </Button>
        </Empty>
      )}
      {shown.length > 0 && isFiltered && (
        <p className="quiet" role="status">
          {shown.length} of {devices.length}
        </p>
      )}
      {shown.length > 0 &&
        (look === 'cards' ? <DeviceCards devices={shown} /> : <DeviceTable devices={shown} />)}
      {creating && (
        <Suspense fallback={<Spinner />}>
          <CreateDevice
            close={() => {
              setCreating(false);
            }}
          />
        </Suspense>
      )}
    </section>
  );
}

const fits = (device: Device, text: string, type: string, status: string): boolean =>
  (text === '' || device.thingName.toLowerCase().includes(text)) &&
  (type === '' || device.deviceType === type) &&
  (status === '' || device.status === status);
