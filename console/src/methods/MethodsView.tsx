import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { commandLine } from '../cli/quote';
import { CliLine } from '../ui/CliLine';
import { leftOver, RECORDED, type Attack, type Method } from './recorded';
import { SequencePicture } from './SequencePicture';

/** The ways to become a device, side by side, and one run of each. */
export default function MethodsView() {
  const { methods, date, commit, runs } = RECORDED;
  const [name, setName] = useState(methods[0]?.name);
  const chosen = methods.find((method) => method.name === name);
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        description={
          'How a device gets its certificate: what it begins with, who makes the key, and what ' +
          'a thief gets.'
        }
      >
        Ways to become a device
      </Header>
      <Table
        variant="container"
        items={[...methods]}
        trackBy="name"
        selectionType="single"
        selectedItems={chosen ? [chosen] : []}
        onSelectionChange={({ detail }) => {
          setName(detail.selectedItems[0]?.name);
        }}
        onRowClick={({ detail }) => {
          setName(detail.item.name);
        }}
        ariaLabels={{
          selectionGroupLabel: 'Method',
          itemSelectionLabel: (_, item) => item.name,
          tableLabel: 'Methods',
        }}
        columnDefinitions={COLUMNS}
        wrapLines
        footer={`Medians of ${String(runs)} runs on a local cloud; ${date}, commit ${commit}.`}
      />
      {chosen !== undefined && (
        <Container
          header={
            <Header
              variant="h2"
              actions={
                <Select
                  selectedOption={{ value: chosen.name, label: chosen.name }}
                  options={methods.map((method) => ({ value: method.name, label: method.name }))}
                  ariaLabel="Method"
                  data-testid="method"
                  onChange={({ detail }) => {
                    setName(detail.selectedOption.value);
                  }}
                />
              }
            >
              {chosen.name}
            </Header>
          }
        >
          <Details method={chosen} />
        </Container>
      )}
      <CliLine line={commandLine('playground', 'methods')} label="compare the methods" />
    </SpaceBetween>
  );
}

const COLUMNS = [
  { id: 'name', header: 'Method', cell: (one: Method) => one.name, isRowHeader: true },
  { id: 'begins', header: 'Begins with', cell: (one: Method) => one.starts_with },
  { id: 'key', header: 'Key made by', cell: (one: Method) => one.key_made_by },
  { id: 'seconds', header: 'Seconds', cell: (one: Method) => one.seconds.toFixed(2) },
  { id: 'messages', header: 'Messages', cell: (one: Method) => one.messages },
  { id: 'calls', header: 'Calls', cell: (one: Method) => one.calls },
  {
    id: 'left',
    header: 'Left over',
    cell: (one: Method) => `${String(leftOver(one))} after ${String(one.cuts)} cuts`,
  },
];

function Details({ method }: { method: Method }) {
  return (
    <SpaceBetween size="l">
      <KeyValuePairs
        columns={2}
        items={[
          { label: 'The key travels', value: method.key_travels },
          { label: 'A thief', value: method.thief_gets },
          { label: 'Quota of AWS IoT', value: method.quota },
          {
            label: 'On AWS, for a thousand devices',
            value: `${method.dollars.toFixed(2)} dollars for transitions and messages`,
          },
        ]}
      />
      <Attacks attacks={method.attacks} />
      <SequencePicture steps={method.steps} label={`A run of ${method.name}`} />
      <CliLine
        line={commandLine('playground', 'create', '--method', method.name)}
        label={`make a device by ${method.name}`}
      />
    </SpaceBetween>
  );
}

function Attacks({ attacks }: { attacks: readonly Attack[] }) {
  return (
    <Table
      variant="embedded"
      items={[...attacks]}
      ariaLabels={{ tableLabel: 'What thieves were told' }}
      columnDefinitions={[
        { id: 'has', header: 'A thief has', cell: (one: Attack) => one.has },
        { id: 'tries', header: 'and tries', cell: (one: Attack) => one.tries, isRowHeader: true },
        { id: 'told', header: 'It is told', cell: (one: Attack) => one.told },
      ]}
      wrapLines
    />
  );
}
