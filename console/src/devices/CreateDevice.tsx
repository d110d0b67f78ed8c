import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import RadioGroup from '@cloudscape-design/components/radio-group';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { dataOf, type DeviceType, type NewDevice } from '../api/api';
import { useHome, useParts } from '../app/context';
import { startWorkflow } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { ErrorBox } from '../ui/small';
import type { JsonObject } from '../values/json';
import { attributesOf, batchFault, csrFault, modelOf, nameFault, ttlFault } from './newDevice';
import { TYPES } from './types';

type Method = NonNullable<NewDevice['method']>;
type Hosting = NonNullable<NewDevice['hosting']>;

const METHODS: { value: Method; label: string; description: string }[] = [
  { value: 'keys', label: 'Keys by AWS IoT', description: 'The device fetches its key once.' },
  {
    value: 'csr',
    label: 'A signing request',
    description: 'The device makes its key, which is never in the cloud.',
  },
  {
    value: 'claim',
    label: 'A claim that devices share',
    description: 'Fleet provisioning: it exchanges the claim for a certificate of its own.',
  },
  {
    value: 'claim-csr',
    label: 'The same, with a key of its own',
    description: 'Fleet provisioning too, and the device makes its key.',
  },
  {
    value: 'trusted-user',
    label: 'A claim of its own',
    description: 'Fleet provisioning, with a claim that is good for five minutes.',
  },
  {
    value: 'jitr',
    label: 'Your own authority',
    description: 'It signs the request: run `playground authority sign NAME` within five minutes.',
  },
];

const HOSTINGS: { value: Hosting; label: string; description?: string }[] = [
  { value: 'task', label: 'In a task of its own' },
  {
    value: 'shared',
    label: 'On a host',
    description: 'With others in one task; it makes its own key then.',
  },
  {
    value: 'none',
    label: 'Where I run it',
    description: 'A device of your own, such as a board: give its signing request.',
  },
];

const WORDS: Record<DeviceType, string> = {
  bulb: 'a light that its shadow switches on and off',
  switch: 'drives the bulbs that it is linked to',
  thermostat: 'heating in a flat',
  vehicle: 'a van that goes round Munich',
  meter: 'a household’s power meter',
  generic: 'a sensor in a room',
  rogue: 'does wrong when it is told to',
  host: 'runs other devices',
};

/** The dialog that makes a device: it starts the workflow and leads to it. */
export default function CreateDevice({ close }: { close: () => void }) {
  const { api, queries } = useParts();
  const home = useHome();
  const [, navigate] = useLocation();
  const [thingName, setThingName] = useState('');
  const [deviceType, setDeviceType] = useState<DeviceType>('bulb');
  const [method, setMethod] = useState<Method>('keys');
  const [hosting, setHosting] = useState<Hosting>('task');
  const [csr, setCsr] = useState('');
  const [batch, setBatch] = useState('');
  const [ttl, setTtl] = useState('');
  const [attributes, setAttributes] = useState('');
  const [model, setModel] = useState('');
  // The same key for the same form: pressing twice makes one device.
  const key = useRef(crypto.randomUUID());
  const given = attributesOf(attributes);
  const own = modelOf(model);
  const virtual = hosting !== 'none';
  const request = virtual ? undefined : csrFault(csr);
  const claimed = hosting === 'task' && !['keys', 'csr'].includes(method);
  const faults = [
    nameFault(thingName),
    claimed ? batchFault(batch) : undefined,
    ttlFault(ttl),
    given.fault,
    virtual ? own.fault : request,
  ];
  const body: NewDevice = {
    deviceType,
    ...(thingName && { thingName }),
    ...(given.value && { attributes: given.value }),
    ...(virtual && own.value && { model: own.value }),
    ...(hosting === 'task' && method !== 'keys' && { method }),
    ...(claimed && batch && { batch }),
    ...(hosting !== 'task' && { hosting }),
    ...(!virtual && { csr }),
    ...(ttl && { ttl }),
  };
  const create = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/v1/devices', {
          params: { header: { 'Idempotency-Key': key.current } },
          body,
        }),
      ),
    onSuccess: ({ executionName }) => {
      void queries.invalidateQueries({ queryKey: ['devices'] });
      close();
      navigate(`/executions/${encodeURIComponent(executionName)}`);
    },
    onError: () => {
      key.current = crypto.randomUUID();
    },
  });
  return (
    <Modal
      visible
      header="Create a device"
      closeAriaLabel="Close"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button
              variant="primary"
              data-testid="create-submit"
              loading={create.isPending}
              loadingText="Starting the workflow"
              disabled={faults.some(Boolean)}
              onClick={() => {
                create.mutate();
              }}
            >
              Create
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        data-testid="create-form"
        aria-label="Create a device"
        onSubmit={(event) => {
          event.preventDefault();
          if (!faults.some(Boolean)) create.mutate();
        }}
      >
        <SpaceBetween size="m">
          <FormField
            label="Name"
            description="The thing’s name, and the client id. Empty: one is made up."
            errorText={nameFault(thingName)}
          >
            <Input
              value={thingName}
              onChange={({ detail }) => {
                setThingName(detail.value.trim());
              }}
              placeholder="lamp"
              data-testid="create-name"
            />
          </FormField>
          <FormField label="Type">
            <Select
              selectedOption={{ value: deviceType, label: deviceType }}
              options={TYPES.map((value) => ({ value, label: value, description: WORDS[value] }))}
              onChange={({ detail }) => {
                setDeviceType(detail.selectedOption.value as DeviceType);
              }}
              data-testid="create-type"
            />
          </FormField>
          <FormField label="Where does it run?">
            <RadioGroup
              value={hosting}
              items={HOSTINGS}
              onChange={({ detail }) => {
                setHosting(detail.value as Hosting);
              }}
              data-testid="create-hosting"
            />
          </FormField>
          {virtual ? (
            <FormField label="How does it get its first certificate?">
              <RadioGroup
                value={hosting === 'shared' ? 'csr' : method}
                items={METHODS.map((one) => ({
                  ...one,
                  disabled: hosting === 'shared' && one.value !== 'csr',
                }))}
                onChange={({ detail }) => {
                  setMethod(detail.value as Method);
                }}
                data-testid="create-method"
              />
            </FormField>
          ) : (
            <FormField
              label="Its certificate signing request"
              description="PEM, as of openssl req. Its key stays with you."
              errorText={request}
            >
              <Textarea
                value={csr}
                rows={4}
                placeholder="-----BEGIN CERTIFICATE REQUEST-----"
                onChange={({ detail }) => {
                  setCsr(detail.value);
                }}
                data-testid="create-csr"
              />
            </FormField>
          )}
          {claimed && (
            <FormField
              label="Batch"
              description="Then the list of serial numbers must have its name. Empty: none is asked."
              errorText={batchFault(batch)}
            >
              <Input
                value={batch}
                onChange={({ detail }) => {
                  setBatch(detail.value.trim());
                }}
                placeholder="spring"
                data-testid="create-batch"
              />
            </FormField>
          )}
          <FormField
            label="Time to live"
            description="45m, 2h or 7d: then it is removed. Empty: it stays."
            errorText={ttlFault(ttl)}
          >
            <Input
              value={ttl}
              onChange={({ detail }) => {
                setTtl(detail.value.trim());
              }}
              placeholder="2h"
              data-testid="create-ttl"
            />
          </FormField>
          <FormField
            label="Attributes"
            description="name=value, one a line"
            errorText={given.fault}
          >
            <Textarea
              value={attributes}
              rows={2}
              placeholder="room=kitchen"
              onChange={({ detail }) => {
                setAttributes(detail.value);
              }}
            />
          </FormField>
          {virtual && (
            <FormField
              label="A model of its own"
              description="JSON with an object telemetry (docs/models.md). Empty: the type’s own."
              errorText={own.fault}
            >
              <input
                type="file"
                accept=".json,application/json"
                aria-label="Model file"
                onChange={(event) => {
                  const [file] = event.target.files ?? [];
                  void file?.slice(0, 262_144).text().then(setModel);
                }}
              />
              <Textarea
                value={model}
                rows={3}
                onChange={({ detail }) => {
                  setModel(detail.value);
                }}
                ariaLabel="Model as JSON"
              />
            </FormField>
          )}
          <CliLine
            line={startWorkflow(home, 'provision-device', body as unknown as JsonObject)}
            label="create the device"
          />
          {create.error !== null && <ErrorBox error={create.error} />}
        </SpaceBetween>
      </form>
    </Modal>
  );
}
