import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { dataOf } from '../api/api';
import { useHome, useIsAdmin, useParts } from '../app/context';
import { command as commandLine } from '../cli/lines';
import { AdminButton } from '../ui/AdminButton';
import { CliLine } from '../ui/CliLine';
import { Empty, ErrorBox, JsonText } from '../ui/small';
import { brief, readTyped, type JsonObject } from '../values/json';
import { describedBy, type Described } from './help';
import type { OfDevice } from './ofDevice';
import { useCommand } from './useCommand';

/** What the device says to `help`: a button for every command, with its arguments. */
export function CommandsTab({ thingName, facts }: OfDevice) {
  const { api } = useParts();
  const home = useHome();
  const isAdmin = useIsAdmin();
  const help = useQuery({
    queryKey: ['help', thingName],
    queryFn: ({ signal }) =>
      dataOf(
        api.POST('/v1/devices/{thingName}/commands', {
          params: { path: { thingName } },
          body: { command: 'help' },
          signal,
        }),
      ),
    enabled: isAdmin && facts.isOnline,
    staleTime: 300_000,
  });
  if (!isAdmin) {
    return (
      <Empty title="Commands are for admins">
        A viewer may look. This is what asks the device for its commands:
        <CliLine line={commandLine(home, thingName, 'help')} label="ask for the commands" />
      </Empty>
    );
  }
  if (!facts.isOnline && help.data === undefined) {
    return (
      <Empty title="The device is not online">
        A command is sent once and not kept. When the device is back, it tells its commands here.
      </Empty>
    );
  }
  if (help.error !== null) {
    return (
      <ErrorBox
        error={help.error}
        again={() => {
          void help.refetch();
        }}
      />
    );
  }
  if (help.data === undefined) {
    return (
      <Box>
        <Spinner /> Asking the device for its commands …
      </Box>
    );
  }
  return (
    <div className="commands" data-testid="commands">
      {describedBy(help.data.result as JsonObject).map((row) => (
        <Command key={row.name} thingName={thingName} row={row} isOnline={facts.isOnline} />
      ))}
    </div>
  );
}

interface OfCommand {
  thingName: string;
  row: Described;
  isOnline: boolean;
}

function Command({ thingName, row, isOnline }: OfCommand) {
  const home = useHome();
  const command = useCommand(thingName);
  const [texts, setTexts] = useState<Record<string, string>>({});
  const given: JsonObject = {};
  const faults: Record<string, string> = {};
  for (const { name } of row.arguments) {
    const text = (texts[name] ?? '').trim();
    if (text === '') continue;
    const read = readTyped(text);
    if (read.fault !== undefined) faults[name] = read.fault;
    else given[name] = read.value;
  }
  const request = {
    command: row.name,
    ...(Object.keys(given).length > 0 && { arguments: given }),
  };
  return (
    <Container>
      <SpaceBetween size="s">
        <Header
          variant="h2"
          description={row.description}
          actions={
            <AdminButton
              data-testid={`command-${row.name}`}
              ariaLabel={`Give the command ${row.name}`}
              loading={command.isPending}
              loadingText="Waiting for the reply"
              disabled={!isOnline || Object.keys(faults).length > 0}
              onClick={() => {
                command.mutate(request);
              }}
            >
              {row.name}
            </AdminButton>
          }
        >
          <code>{row.name}</code>
        </Header>
        {row.arguments.map(({ name, rule, description, preset }) => (
          <FormField
            key={name}
            label={<code>{name}</code>}
            description={description}
            constraintText={`${rule}${preset === undefined ? '' : `; without: ${brief(preset)}`}`}
            errorText={faults[name]}
          >
            <Input
              value={texts[name] ?? ''}
              placeholder={brief(preset)}
              data-testid={`argument-${row.name}-${name}`}
              onChange={({ detail }) => {
                setTexts((known) => ({ ...known, [name]: detail.value }));
              }}
            />
          </FormField>
        ))}
        <CliLine
          line={commandLine(home, thingName, row.name, given)}
          label={`give the command ${row.name}`}
        />
        {command.error !== null && <ErrorBox error={command.error} />}
        {command.data && (
          <div data-testid={`reply-${row.name}`} role="status">
            <Box variant="awsui-key-label">Reply: {command.data.status}</Box>
            <JsonText value={command.data.result} />
          </div>
        )}
      </SpaceBetween>
    </Container>
  );
}
